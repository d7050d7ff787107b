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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from msgspec.structs import replace as changed

from penstock.core.infrastructure_blocks import Conversion, InfrastructureBlock, Kind, Remark, Severity
from penstock.core.infrastructure_kinds import pool_types, target, to_template
from penstock.core.job_overrides import UNREADABLE, Overrides, say_ignored, translate
from penstock.core.pool_types import AGENT_POOL, AGENT_TYPE
from penstock.core.storage_steps import code_steps
from penstock.core.upgrade_circumstances import Spread, circumstances, tag_queues
from penstock.core.upgrade_names import settled
from penstock.core.upgrade_plans import (
    DeploymentUpgrade,
    Existing,
    NewBlock,
    OldDeployment,
    PoolPlan,
    UpgradePlan,
    UpgradeState,
    standing_of,
)
from penstock.core.upgrade_pools import DEFAULT, Member, Templates, placed
from penstock.errors import InvalidRequest
from penstock.wire.upgrades import Standing

NOTHING = InfrastructureBlock(slug="process", data={})
"""What agents ran a deployment on that names no block."""


PoolTypes = Mapping[str, str]
"""The type of pool that is wanted for blocks of a type, where it is not the usual one."""


@dataclass(slots=True)
class _Known:
    """What was worked out before: many deployments share a block, and change it in the same way."""

    conversions: dict[tuple[str, str], Conversion] = field(default_factory=dict)
    """By the type of the pool, and the block's id or where its file has it; empty for none."""
    overrides: dict[tuple[str, str, bytes], Overrides] = field(default_factory=dict)


def plan(
    every: Sequence[OldDeployment], there: Existing, templates: Templates, wanted: PoolTypes | None = None
) -> UpgradePlan:
    """The way of each deployment, in the order of their names; `templates` are the pool types' own.

    An upgraded deployment counts as of the type that its pool has, whatever is wanted now.
    """
    ordered = sorted(every, key=lambda one: one.full_name)
    members: list[Member] = []
    refused: dict[str, Remark] = {}
    known = _Known()
    for old in ordered:
        if state_of(old) is not UpgradeState.NOT_OF_AGENTS:
            try:
                members.append(_member(_before(old, there), _type(old, there, wanted or {}), templates, known))
            except InvalidRequest as error:
                refused[old.full_name] = _say_refused(error)
    places = placed(members, templates, there)
    spread = Spread()
    for one, pool in places.values():
        spread.add(one.old, pool.name)
    done = [_upgrade(old, places.get(old.full_name), refused.get(old.full_name), spread) for old in ordered]
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


def old_block(old: OldDeployment, pool_type: str, templates: Templates) -> tuple[Overrides, Kind]:
    """The deployment's block with its overrides, translated for a type of pool. `InvalidRequest` if that can't be."""
    member = _member(old, pool_type, templates, _Known())
    return member.found, member.kind


def _type(old: OldDeployment, there: Existing, wanted: PoolTypes) -> str | None:
    """The type of pool that is wanted; None for the usual one."""
    slug = old.block.slug if old.block else NOTHING.slug
    if not old.is_upgraded:
        return wanted.get(slug)
    pool = there.pools.get(old.deployment.work_pool_name or "")
    return pool.type if pool and pool.type in pool_types(slug) else None


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


def _member(old: OldDeployment, pool_type: str | None, templates: Templates, known: _Known) -> Member:
    block = old.block or _nothing(old)
    kind = target(block.slug, pool_type)
    given = old.deployment.job_variables if old.block else {}
    found = _overrides(old, block, kind, given, templates, known)
    if not old.block and old.deployment.job_variables:
        found = replace(found, remarks=(*found.remarks, say_ignored(old.deployment.job_variables)))
    return Member(old, kind, found)


def _overrides(
    old: OldDeployment,
    block: InfrastructureBlock,
    kind: Kind,
    given: Mapping[str, Any],
    templates: Templates,
    known: _Known,
) -> Overrides:
    """The overrides of a block, worked out once for all that say the same; a block without an id is one of a file."""
    id = old.deployment.infrastructure_document_id
    key = (kind.pool_type, "" if old.block is None else str(id or old.place or old.full_name))
    if key not in known.conversions:
        known.conversions[key] = _converted(block, kind, templates)
    text = msgspec.json.encode(given)
    if (*key, text) not in known.overrides:
        known.overrides[*key, text] = translate(known.conversions[key], kind, templates[kind.pool_type], given)
    return known.overrides[*key, text]


def _nothing(old: OldDeployment) -> InfrastructureBlock:
    if id := old.deployment.infrastructure_document_id:
        raise InvalidRequest(f"C16: The infrastructure block {id} is not there any more. Deploy the deployment anew.")
    return NOTHING


def _converted(block: InfrastructureBlock, kind: Kind, templates: Templates) -> Conversion:
    try:
        return to_template(block, templates, kind.pool_type)
    except UNREADABLE as error:
        said = f"The block {block.title} has a field that can't be read ({error}). Correct it, then plan again."
        raise InvalidRequest(f"C10: {said}") from None


def _upgrade(
    old: OldDeployment, place: tuple[Member, PoolPlan] | None, refused: Remark | None, spread: Spread
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


def _after(old: OldDeployment, member: Member, pool: PoolPlan) -> tuple[Standing, tuple[NewBlock, ...], list[Remark]]:
    """What the deployment becomes; pull steps that it has are kept, and its storage then means nothing."""
    deployment = old.deployment
    moved = {"work_pool_name": pool.name, "work_queue_name": deployment.work_queue_name or DEFAULT}
    after = changed(standing_of(deployment), **moved, job_variables=dict(member.found.variables))
    if deployment.pull_steps:
        return after, (), []
    if deployment.storage_document_id and not old.storage:
        return after, (), [_say_no_storage(old)]
    contained = member.kind is not target(NOTHING.slug)
    code = code_steps(deployment.entrypoint, deployment.path, old.storage, is_contained=contained)
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
