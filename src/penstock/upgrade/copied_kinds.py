"""The kinds of records that are copied between servers: how each is read, known again, and written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace

from penstock.client.client import Client
from penstock.client.lists import all_of
from penstock.core.block_schemas import checksum
from penstock.core.server_copies import (
    ACTIVE_LABEL,
    Found,
    data_of,
    inner_first,
    own_labels,
    schedule_of,
    without_ids,
)
from penstock.errors import BadRequest, Conflict, NotFound
from penstock.wire import automations, blocks, deployments, flows, limits, variables, work_pools, work_queues
from penstock.wire import notification_policies as policies
from penstock.wire.automations import Automation, AutomationCreate, AutomationUpdate
from penstock.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockDocumentUpdate,
    BlockSchema,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
)
from penstock.wire.deployments import Deployment, DeploymentCreate
from penstock.wire.flows import Flow, FlowCreate, FlowUpdate
from penstock.wire.limits import GlobalLimitCreate, GlobalLimitSummary, GlobalLimitUpdate, TagLimit, TagLimitCreate
from penstock.wire.model import like
from penstock.wire.notification_policies import (
    NotificationPolicy,
    NotificationPolicyCreate,
    NotificationPolicyUpdate,
    PoliciesWanted,
)
from penstock.wire.schedules import DeploymentScheduleCreate
from penstock.wire.variables import Variable, VariableCreate, VariableUpdate
from penstock.wire.work_pools import WorkPool, WorkPoolCreate, WorkPoolUpdate
from penstock.wire.work_queues import QueueFilter, WorkQueue, WorkQueueCreate, WorkQueueUpdate

OF_A_DEPLOYMENT, OF_A_TAG = "deployment:", "tag:"
"""How the names of limits begin that come with something else: a deployment, or a tag's limit."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of record. Bodies are written with the ids of the server they came from, and re-pointed then."""

    name: str
    read: Callable[[Client], list[Found]]
    body: Callable[[Any], Any]
    create: Callable[[Client, Any, Any], UUID]
    """Takes the client, the body and the record it was made of; gives the new id."""
    update: Callable[[Client, Found, Any], None] | None = None
    """None where a record is the same as soon as it is there."""
    ignored: tuple[str, ...] = ()
    """Fields of the body in which two that are the same may differ."""


def _types(client: Client) -> list[Found]:
    return [Found(one.slug, one.id, one) for one in all_of(client, blocks.filter_block_types)]


def _type_body(one: BlockType) -> BlockTypeCreate:
    return like(BlockTypeCreate, one)


def _schemas(client: Client) -> list[Found]:
    """Schemas by what is in them: servers reckon the checksum of one with blocks in it from other texts."""
    found = all_of(client, blocks.filter_block_schemas)
    return [Found(f"{checksum(one.fields)} {one.version}", one.id, one) for one in found if one.block_type_id]


def _schema_body(one: BlockSchema) -> BlockSchemaCreate:
    return like(BlockSchemaCreate, one)


def _documents(client: Client) -> list[Found]:
    """Blocks in such an order that each comes after those in it; anonymous ones are known by what is in them."""
    found: list[BlockDocument] = []
    for anonymous in (False, True):
        criteria = {"is_anonymous": {"eq_": anonymous}}
        found += all_of(client, blocks.filter_block_documents, block_documents=criteria, include_secrets=True)
    return [Found(_document_key(one), one.id, one, by_content=one.is_anonymous) for one in inner_first(found)]


def _document_key(one: BlockDocument) -> str:
    slug = one.block_type.slug if one.block_type else one.block_type_name
    return f"{slug}/(anonymous)" if one.is_anonymous else f"{slug}/{one.name}"


def _document_body(one: BlockDocument) -> BlockDocumentCreate:
    return like(BlockDocumentCreate, one, name=None if one.is_anonymous else one.name, data=data_of(one))


def _change_document(client: Client, found: Found, body: BlockDocumentCreate) -> None:
    change = BlockDocumentUpdate(block_schema_id=body.block_schema_id, data=body.data, merge_existing_data=False)
    client.call(blocks.update_block_document, change, id=found.id)


def _variables(client: Client) -> list[Found]:
    return [Found(one.name, one.id, one) for one in all_of(client, variables.filter_variables)]


def _variable_body(one: Variable) -> VariableCreate:
    return like(VariableCreate, one, tags=sorted(one.tags))


def _change_variable(client: Client, found: Found, body: VariableCreate) -> None:
    client.call(variables.update_variable, like(VariableUpdate, body, name=UNSET), id=found.id)


def _tag_limits(client: Client) -> list[Found]:
    return [Found(one.tag, one.id, one) for one in all_of(client, limits.filter_tag_limits)]


def _tag_limit_body(one: TagLimit) -> TagLimitCreate:
    return like(TagLimitCreate, one)


def _global_limits(client: Client) -> list[Found]:
    found = all_of(client, limits.filter_global_limits)
    return [Found(one.name, one.id, one) for one in found if not one.name.startswith((OF_A_DEPLOYMENT, OF_A_TAG))]


def _global_limit_body(one: GlobalLimitSummary) -> GlobalLimitCreate:
    """Without the slots in use, whose holders stay where they are."""
    return like(GlobalLimitCreate, one, active_slots=0)


def _change_global_limit(client: Client, found: Found, body: GlobalLimitCreate) -> None:
    change = like(GlobalLimitUpdate, body, active_slots=UNSET, denied_slots=UNSET)
    client.call(limits.update_global_limit, change, id_or_name=found.id)


def _pools(client: Client) -> list[Found]:
    return [Found(one.name, one.id, one) for one in all_of(client, work_pools.filter_work_pools)]


def _pool_body(one: WorkPool) -> WorkPoolCreate:
    return like(WorkPoolCreate, one)


def _change_pool(client: Client, found: Found, body: WorkPoolCreate) -> None:
    if body.type != found.value.type:
        raise BadRequest(
            f"It is of type {found.value.type!r} here and of type {body.type!r} there, and the type of a work pool"
            " can't be changed."
        )
    client.call(work_pools.update_work_pool, like(WorkPoolUpdate, body), name=body.name)


def _queues(client: Client, *, of_deployments: bool) -> list[Found]:
    """Queues in the order of their priorities, so that each finds its place free; those that name deployments later."""
    found = all_of(client, work_queues.filter_work_queues)
    kept = [one for one in found if bool(one.filter and one.filter.deployment_ids) is of_deployments]
    kept.sort(key=lambda one: (one.work_pool_name or "", one.priority))
    return [Found(f"{one.work_pool_name}/{one.name}", one.id, one) for one in kept]


def _queue_body(one: WorkQueue) -> WorkQueueCreate:
    wanted = one.filter if one.filter and (one.filter.tags or one.filter.deployment_ids) else None
    chosen = QueueFilter(tags=wanted.tags or None, deployment_ids=wanted.deployment_ids or None) if wanted else None
    return like(WorkQueueCreate, one, filter=chosen)


def _make_queue(client: Client, body: WorkQueueCreate, source: WorkQueue) -> UUID:
    """Makes a queue; a pool's first one is there already, and becomes like its counterpart."""
    pool = source.work_pool_name
    try:
        return client.call(work_queues.create_pool_queue, body, work_pool_name=pool).id
    except Conflict:
        made = client.call(work_queues.read_pool_queue, work_pool_name=pool, name=body.name)
        _change_queue(client, Found(body.name, made.id, made), body)
        return made.id


def _change_queue(client: Client, found: Found, body: WorkQueueCreate) -> None:
    change = like(WorkQueueUpdate, body, name=UNSET, priority=body.priority or UNSET, filter=body.filter or UNSET)
    client.call(work_queues.update_work_queue, change, id=found.id)


def _flows(client: Client) -> list[Found]:
    return [Found(one.name, one.id, one) for one in all_of(client, flows.filter_flows)]


def _flow_body(one: Flow) -> FlowCreate:
    return like(FlowCreate, one, labels=own_labels(one.labels) or None)


def _change_flow(client: Client, found: Found, body: FlowCreate) -> None:
    client.call(flows.update_flow, FlowUpdate(tags=body.tags), id=found.id)


def _deployments(client: Client) -> list[Found]:
    names = {one.id: one.key for one in _flows(client)}
    found = all_of(client, deployments.filter_deployments)
    return [Found(f"{names.get(one.flow_id, one.flow_id)}/{one.name}", one.id, one) for one in found]


def _deployment_body(one: Deployment) -> DeploymentCreate:
    limit = one.global_concurrency_limit
    own = limit is not None and limit.name.startswith(OF_A_DEPLOYMENT)
    schedules = [
        like(DeploymentScheduleCreate, each, schedule=schedule_of(each.schedule))
        for each in sorted(one.schedules, key=lambda each: (each.slug or "", str(schedule_of(each.schedule))))
    ]
    return like(
        DeploymentCreate,
        one,
        schedules=schedules,
        concurrency_limit=limit.limit if limit and own else None,
        global_concurrency_limit_id=limit.id if limit and not own else None,
        labels=own_labels(one.labels),
        manifest_path=one.manifest_path or UNSET,
    )


def _change_deployment(client: Client, found: Found, body: DeploymentCreate) -> None:
    """Writes a deployment that is there anew; whether it is paused stays, as does what marks it."""
    labels = {name: value for name, value in found.value.labels.items() if name == ACTIVE_LABEL}
    kept = replace(body, paused=found.value.paused, labels={**(body.labels or {}), **labels})
    client.call(deployments.create_deployment, kept)


def _automations(client: Client) -> list[Found]:
    """Automations, without those that are notification policies; none where the server has none to give."""
    try:
        found = all_of(client, automations.filter_automations)
    except NotFound:
        return []
    others = {one.id for one in _policies(client)}
    return [Found(one.name, one.id, one) for one in found if one.id not in others]


def _automation_body(one: Automation) -> AutomationCreate:
    parts = ("trigger", "actions", "actions_on_trigger", "actions_on_resolve")
    plain = {name: without_ids(getattr(one, name)) for name in parts}
    return like(AutomationCreate, one, tags=sorted(tag for tag in one.tags if tag != ACTIVE_LABEL), **plain)


def _change_automation(client: Client, found: Found, body: AutomationCreate) -> None:
    """Writes an automation that is there anew; whether it is on stays, as does what marks it."""
    marks = [tag for tag in found.value.tags if tag == ACTIVE_LABEL]
    change = like(AutomationUpdate, body, tags=[*body.tags, *marks], enabled=UNSET)
    client.call(automations.update_automation, change, id=found.id)


def _policies(client: Client) -> list[Found]:
    """Notification policies; none where the server knows of no such thing."""
    found: list[NotificationPolicy] = []
    try:
        while True:
            page = client.call(policies.filter_policies, PoliciesWanted(limit=200, offset=len(found)))
            found += page
            if len(page) < 200:
                break
    except NotFound:
        return []
    return [Found(f"on {', '.join(one.state_names) or 'every state'}", one.id, one, by_content=True) for one in found]


def _policy_body(one: NotificationPolicy) -> NotificationPolicyCreate:
    return like(NotificationPolicyCreate, one)


def _change_policy(client: Client, found: Found, body: NotificationPolicyCreate) -> None:
    client.call(policies.update_policy, NotificationPolicyUpdate(is_active=body.is_active), id=found.id)


def _made(endpoint: Any) -> Callable[[Client, Any, Any], UUID]:
    """Creates through an endpoint whose answer has the id."""

    def create(client: Client, body: Any, _source: Any) -> UUID:
        id: UUID = client.call(endpoint, body).id
        return id

    return create


def _again(endpoint: Any) -> Callable[[Client, Found, Any], None]:
    """Updates through an endpoint that creates or replaces."""

    def update(client: Client, _found: Found, body: Any) -> None:
        client.call(endpoint, body)

    return update


KINDS: Sequence[Kind] = (
    Kind("block type", _types, _type_body, _made(blocks.create_block_type)),
    Kind("block schema", _schemas, _schema_body, _made(blocks.create_block_schema)),
    Kind(
        "block",
        _documents,
        _document_body,
        _made(blocks.create_block_document),
        _change_document,
        ignored=("block_schema_id",),
    ),
    Kind("variable", _variables, _variable_body, _made(variables.create_variable), _change_variable),
    Kind(
        "tag limit",
        _tag_limits,
        _tag_limit_body,
        _made(limits.create_tag_limit),
        _again(limits.create_tag_limit),
    ),
    Kind("limit", _global_limits, _global_limit_body, _made(limits.create_global_limit), _change_global_limit),
    Kind("work pool", _pools, _pool_body, _made(work_pools.create_work_pool), _change_pool),
    Kind(
        "work queue",
        lambda client: _queues(client, of_deployments=False),
        _queue_body,
        _make_queue,
        _change_queue,
    ),
    Kind("flow", _flows, _flow_body, _made(flows.create_flow), _change_flow, ignored=("labels",)),
    Kind(
        "deployment",
        _deployments,
        _deployment_body,
        _made(deployments.create_deployment),
        _change_deployment,
        ignored=("paused",),
    ),
    Kind(
        "queue by deployments",
        lambda client: _queues(client, of_deployments=True),
        _queue_body,
        _make_queue,
        _change_queue,
    ),
    Kind(
        "automation",
        _automations,
        _automation_body,
        _made(automations.create_automation),
        _change_automation,
        ignored=("enabled",),
    ),
    Kind(
        "notification policy",
        _policies,
        _policy_body,
        _made(policies.create_policy),
        _change_policy,
        ignored=("is_active",),
    ),
)
"""In the order in which they refer to each other."""
