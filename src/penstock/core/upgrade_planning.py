"""Plans the way of every deployment from agents to workers. Nothing is read or written here.

What is decided, and why:

- One pool for each infrastructure block, named after it; unnamed blocks that come to the same template share one that
  is named after its type. A block that serves several agent pools gets a pool for each of them, so that their limits
  and their queues stay apart.
- A deployment of an agent pool that names no block goes to a pool of processes, as agents ran it.
- All deployments of a server are planned together, those that are upgraded too: so names and templates come out the
  same whichever of them are upgraded first, and a pool that is there already is found and used.
- A name that another pool has gets the type behind it, then a number.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from msgspec.structs import replace as changed

from penstock.core.infrastructure_blocks import Conversion, InfrastructureBlock, Kind, Remark, Severity
from penstock.core.infrastructure_kinds import target, to_template
from penstock.core.job_overrides import UNREADABLE, Base, Overrides, on_its_own, say_ignored, translate
from penstock.core.pool_types import AGENT_POOL, AGENT_TYPE
from penstock.core.storage_steps import code_steps
from penstock.core.template_additions import with_additions
from penstock.core.upgrade_circumstances import Spread, circumstances, tag_queues
from penstock.core.upgrade_names import pool_names, settled
from penstock.core.upgrade_plans import (
    DeploymentUpgrade,
    NewBlock,
    OldDeployment,
    PoolPlan,
    QueuePlan,
    UpgradePlan,
    UpgradeState,
    standing_of,
)
from penstock.errors import InvalidRequest
from penstock.names import is_allowed
from penstock.wire.blocks import BlockDocument
from penstock.wire.upgrades import Standing
from penstock.wire.work_pools import WorkPool
from penstock.wire.work_queues import WorkQueue

NOTHING = InfrastructureBlock(slug="process", data={})
"""What agents ran a deployment on that names no block."""
DEFAULT = "default"
Templates = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Existing:
    """What there is on the server that a plan may find and use, or has to keep clear of."""

    pools: Mapping[str, WorkPool] = field(default_factory=dict)
    queues: Mapping[tuple[str, str], WorkQueue] = field(default_factory=dict)
    """By the names of pool and queue."""
    blocks: Mapping[tuple[str, str], BlockDocument] = field(default_factory=dict)
    """Those of the types that pull steps refer to, by type and name."""


@dataclass(slots=True)
class _Member:
    """A deployment on its way into a group."""

    old: OldDeployment
    kind: Kind
    found: Overrides

    @property
    def home(self) -> str:
        """The agent pool that it comes from."""
        return self.old.deployment.work_pool_name or AGENT_POOL

    @property
    def title(self) -> str:
        """The block's name; empty for one without."""
        block = self.old.block
        return block.title if block and block.name else ""


@dataclass(slots=True)
class _Group:
    """Deployments that share a pool."""

    first: _Member
    template: dict[str, Any]
    members: list[_Member] = field(default_factory=list)


def plan(every: Sequence[OldDeployment], there: Existing, templates: Templates) -> UpgradePlan:
    """The way of each deployment, in the order of their names; `templates` are the pool types' own."""
    ordered = sorted(every, key=lambda one: one.full_name)
    members: list[_Member] = []
    refused: dict[str, Remark] = {}
    conversions: dict[str, Conversion] = {}
    for old in ordered:
        if state_of(old) is not UpgradeState.NOT_OF_AGENTS:
            try:
                members.append(_member(_before(old, there), templates, conversions))
            except InvalidRequest as error:
                refused[old.full_name] = _say_refused(error)
    placed = _placed(members, templates, there)
    spread = Spread()
    for one, pool in placed.values():
        spread.add(one.old, pool.name)
    done = [_upgrade(old, placed.get(old.full_name), refused.get(old.full_name), spread) for old in ordered]
    return UpgradePlan(tuple(settled(done, there.blocks)), tag_queues(there.queues.values(), ordered))


def state_of(old: OldDeployment) -> UpgradeState:
    """Whether it is to be planned at all. A deployment of a file (it has a place) is always one of agents."""
    if old.is_upgraded:
        return UpgradeState.UPGRADED
    pool = old.pool
    if pool is not None and pool.type != AGENT_TYPE:
        return UpgradeState.NOT_OF_AGENTS
    has_block = old.block is not None or old.deployment.infrastructure_document_id is not None
    is_served = pool is None and not has_block and old.place is None
    return UpgradeState.NOT_OF_AGENTS if is_served else UpgradeState.READY


def old_block(old: OldDeployment, templates: Templates) -> tuple[Overrides, Kind]:
    """The deployment's block with its overrides translated; `InvalidRequest` (C16) for a type without a pool."""
    member = _member(old, templates, {})
    return member.found, member.kind


def _before(old: OldDeployment, there: Existing) -> OldDeployment:
    """An upgraded deployment as it was: it still says what its pool is made of."""
    if not old.is_upgraded or old.recorded is None:
        return old
    was = old.recorded.before
    deployment = changed(
        old.deployment,
        work_pool_name=was.work_pool_name,
        work_queue_name=was.work_queue_name,
        job_variables=was.job_variables,
    )
    pool, queue = was.work_pool_name or AGENT_POOL, was.work_queue_name or DEFAULT
    return replace(old, deployment=deployment, pool=there.pools.get(pool), queue=there.queues.get((pool, queue)))


def _member(old: OldDeployment, templates: Templates, known: dict[str, Conversion]) -> _Member:
    block = old.block or _nothing(old)
    kind = target(block.slug)
    key = str(old.deployment.infrastructure_document_id if old.block else "")
    if not key or key not in known:
        known[key] = _converted(block, templates)
    overrides = old.deployment.job_variables if old.block else {}
    found = translate(known[key], kind, templates[kind.pool_type], overrides)
    if not old.block and old.deployment.job_variables:
        found = replace(found, remarks=(*found.remarks, say_ignored(old.deployment.job_variables)))
    return _Member(old, kind, found)


def _placed(members: Iterable[_Member], templates: Templates, there: Existing) -> dict[str, tuple[_Member, PoolPlan]]:
    """Each deployment with its pool, by its name."""
    groups = _groups(members, templates)
    pools = _pools(groups, there)
    pairs = [(one, pool) for group, pool in zip(groups, pools, strict=True) for one in group.members]
    return {one.old.full_name: (one, pool) for one, pool in pairs}


def _nothing(old: OldDeployment) -> InfrastructureBlock:
    if id := old.deployment.infrastructure_document_id:
        raise InvalidRequest(f"C16: The infrastructure block {id} is not there any more. Deploy the deployment anew.")
    return NOTHING


def _converted(block: InfrastructureBlock, templates: Templates) -> Conversion:
    try:
        return to_template(block, templates)
    except UNREADABLE as error:
        said = f"The block {block.title} has a field that can't be read ({error}). Correct it, then plan again."
        raise InvalidRequest(f"C10: {said}") from None


def _groups(members: Iterable[_Member], templates: Templates) -> list[_Group]:
    found: dict[tuple[str, ...], _Group] = {}
    for one in members:
        if not _joined(found, one):
            one.found = on_its_own(one.found, one.kind, templates[one.kind.pool_type])
            _joined(found, one)
    return list(found.values())


def _joined(found: dict[tuple[str, ...], _Group], one: _Member) -> bool:
    """Whether the template of its group takes in what the deployment adds to it."""
    own = one.found.conversion.template
    key = (one.title, one.kind.pool_type, _text(own), one.home)
    group = found.get(key) or _Group(one, own)
    if one.found.additions:
        try:
            group.template = with_additions(group.template, one.found.additions)
        except InvalidRequest:
            return False
    group.members.append(one)
    found[key] = group
    return True


def _pools(groups: Sequence[_Group], there: Existing) -> list[PoolPlan]:
    taken: set[str] = set()
    done: list[PoolPlan] = []
    for group in groups:
        name, exists = _name(group, groups, there, taken)
        taken.add(name)
        done.append(_pool(group, name, there, exists=exists))
    return done


def _pool(group: _Group, name: str, there: Existing, *, exists: bool) -> PoolPlan:
    source = group.first.old.pool
    titles = dict.fromkeys(one.title or "" for one in group.members)
    blocks = tuple(title for title in titles if title)
    said = "Stands for the infrastructure block " + ", ".join(blocks) + "." if blocks else "For runs that agents took."
    shared = [one for one in group.first.found.conversion.remarks if _is_of_all(one, group)]
    return PoolPlan(
        name=name,
        type=group.first.kind.pool_type,
        template=group.template,
        blocks=blocks,
        concurrency_limit=source.concurrency_limit if source else None,
        is_paused=bool(source and source.is_paused),
        description=said,
        queues=tuple(_queues(group, name, there)),
        exists=exists,
        remarks=tuple(shared),
    )


def _is_of_all(remark: Remark, group: _Group) -> bool:
    return all(remark in one.found.remarks for one in group.members)


def _queues(group: _Group, pool: str, there: Existing) -> Iterator[QueuePlan]:
    found = {one.old.deployment.work_queue_name or DEFAULT: one.old.queue for one in group.members}
    for name, queue in sorted(found.items()):
        exists = (pool, name) in there.queues
        if queue is None:
            yield QueuePlan(name=name, exists=exists)
        else:
            yield QueuePlan(
                name=name,
                concurrency_limit=queue.concurrency_limit,
                priority=queue.priority,
                is_paused=queue.is_paused,
                description=queue.description or None,
                exists=exists,
            )


def _name(group: _Group, groups: Sequence[_Group], there: Existing, taken: set[str]) -> tuple[str, bool]:
    """The first name that is free, or that of a pool that is this very one; and whether it is."""
    kind = group.first.kind.pool_type
    for name in pool_names(_wished(group, groups), kind):
        pool = there.pools.get(name)
        if name not in taken and pool is None:
            return name, False
        if name not in taken and _is_this(pool, group):
            return name, True
    raise AssertionError("There is always a longer name.")


def _is_this(pool: WorkPool | None, group: _Group) -> bool:
    same_type = pool is not None and pool.type == group.first.kind.pool_type
    return same_type and pool is not None and _text(pool.base_job_template) == _text(group.template)


def _wished(group: _Group, groups: Sequence[_Group]) -> str:
    """What the pool is best called; names of blocks and pools may be used for pools."""
    one = group.first
    kind = one.kind.pool_type
    block = one.old.block
    name = block.name if block and block.name else ""
    others = [each for each in groups if each is not group and each.first.title == one.title]
    shared = any(each.first.home != one.home for each in others)
    parts = [name] if name else []
    if one.home != AGENT_POOL and (shared or not name):
        parts.append(one.home)
    if not name:
        parts.append(kind)
    if one.found.base is Base.OWN:
        parts.append(one.old.deployment.name)
    elif one.found.base is Base.BARE and name:
        parts.append("bare")
    wished = "-".join(parts)
    return wished if is_allowed(wished) else kind


def _upgrade(
    old: OldDeployment, place: tuple[_Member, PoolPlan] | None, refused: Remark | None, spread: Spread
) -> DeploymentUpgrade:
    state = state_of(old)
    if state is not UpgradeState.READY:
        return DeploymentUpgrade(old=old, state=state)
    if place is None:
        return DeploymentUpgrade(old=old, state=UpgradeState.BLOCKED, remarks=(refused,) if refused else ())
    member, pool = place
    after, blocks, said = _after(old, member, pool)
    remarks = tuple(dict.fromkeys((*member.found.remarks, *said, *circumstances(old, pool, spread))))
    if any(one.severity is Severity.ERROR for one in remarks):
        return DeploymentUpgrade(old=old, state=UpgradeState.BLOCKED, remarks=remarks)
    return DeploymentUpgrade(old=old, state=UpgradeState.READY, after=after, pool=pool, blocks=blocks, remarks=remarks)


def _after(old: OldDeployment, member: _Member, pool: PoolPlan) -> tuple[Standing, tuple[NewBlock, ...], list[Remark]]:
    """What the deployment becomes; pull steps that it has are kept, and its storage then means nothing."""
    deployment = old.deployment
    moved = {"work_pool_name": pool.name, "work_queue_name": deployment.work_queue_name or DEFAULT}
    after = changed(standing_of(deployment), **moved, job_variables=dict(member.found.variables))
    if deployment.pull_steps:
        return after, (), []
    if deployment.storage_document_id and not old.storage:
        return after, (), [_say_no_storage(old)]
    code = code_steps(deployment.entrypoint, deployment.path, old.storage)
    if code.steps:
        after = changed(after, pull_steps=list(code.steps), path=None, storage_document_id=None)
    return after, tuple(code.blocks), code.remarks


def _say_no_storage(old: OldDeployment) -> Remark:
    return Remark(
        "C21",
        Severity.ERROR,
        "storage_document_id",
        f"The storage block {old.deployment.storage_document_id} is not there any more, so nobody finds the code.",
        "Deploy the deployment anew.",
    )


def _say_refused(error: InvalidRequest) -> Remark:
    """An error whose first word is its code, then a sentence, then the way out."""
    code, _, said = error.message.partition(": ")
    sentence, _, way_out = said.partition(". ")
    place = "infrastructure_document_id"
    return Remark(code, Severity.ERROR, place, f"{sentence.rstrip('.')}.", way_out or "Keep an agent for it.")


def _text(template: Mapping[str, Any]) -> str:
    return json.dumps(template, sort_keys=True, default=str)
