"""Which deployments of agents share a pool, what its template is, and how it is called."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from penstock.core.infrastructure_blocks import Kind, Remark
from penstock.core.job_overrides import Base, Overrides, on_its_own
from penstock.core.pool_types import AGENT_POOL
from penstock.core.template_additions import with_additions
from penstock.core.upgrade_names import pool_names
from penstock.core.upgrade_plans import Existing, OldDeployment, PoolPlan, QueuePlan
from penstock.errors import InvalidRequest
from penstock.names import is_allowed
from penstock.wire.work_pools import WorkPool

DEFAULT = "default"
"""The queue of who names none."""

Templates = Mapping[str, Mapping[str, Any]]
"""The base job template that each type of pool starts with."""


@dataclass(slots=True)
class Member:
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

    first: Member
    template: dict[str, Any]
    members: list[Member] = field(default_factory=list)


def placed(members: Iterable[Member], templates: Templates, there: Existing) -> dict[str, tuple[Member, PoolPlan]]:
    """Each deployment with its pool, by its name."""
    groups = _groups(members, templates)
    pools = _pools(groups, there)
    pairs = [(one, pool) for group, pool in zip(groups, pools, strict=True) for one in group.members]
    return {one.old.full_name: (one, pool) for one, pool in pairs}


def _groups(members: Iterable[Member], templates: Templates) -> list[_Group]:
    found: dict[tuple[str, ...], _Group] = {}
    every = list(members)
    conversions = {id(one.found.conversion): one.found.conversion for one in every}  # most members share theirs
    texts = {key: _text(one.template) for key, one in conversions.items()}
    for one in every:
        if not _joined(found, one, texts[id(one.found.conversion)]):
            one.found = on_its_own(one.found, one.kind, templates[one.kind.pool_type])
            _joined(found, one, _text(one.found.conversion.template))
    return list(found.values())


def _joined(found: dict[tuple[str, ...], _Group], one: Member, text: str) -> bool:
    """Whether the template of its group takes in what the deployment adds to it; `text` is its own template."""
    own = one.found.conversion.template
    key = (one.title, one.kind.pool_type, text, one.home)
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


def _text(template: Mapping[str, Any]) -> str:
    return json.dumps(template, sort_keys=True, default=str)
