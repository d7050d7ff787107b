"""What a page tells of one deployment's way from agents to workers: what changes, and the proof that its job stays."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.core.infrastructure_blocks import Remark
from penstock.core.infrastructure_jobs import leaves
from penstock.core.infrastructure_kinds import pool_types
from penstock.core.pool_types import start_command
from penstock.core.upgrade_plans import PoolPlan, Taken, UpgradePlan
from penstock.core.upgrade_proofs import Proof, prove
from penstock.core.upgrade_words import worst_first
from penstock.infra.templates import shipped_templates
from penstock.ui.template_versions import ChangedLine, changed_lines
from penstock.ui.upgrade_facts import Line, Survey
from penstock.wire.upgrades import UpgradeRemark
from penstock.wire.work_pools import WorkPool

SEVERITIES = {
    "error": ("In the way", "failed"),
    "warning": ("Look at this", "late"),
    "note": ("Good to know", "scheduled"),
}
"""How the severity of a remark is called, and its tone."""
_DEFAULT = re.compile(r"variables\.properties\.([^.]+)\.default(.*)")
_VARIABLE = re.compile(r"variables\.properties\.([^.]+)")


@dataclass(frozen=True, slots=True)
class Target:
    """The pool that a deployment goes to, or is in."""

    name: str
    type: str
    is_new: bool
    template: Mapping[str, Any]
    lines: list[ChangedLine]
    """How its template differs from the one that its type starts with."""
    plan: PoolPlan | None = None

    @property
    def start_command(self) -> str | None:
        """What starts a worker of it; None where the server starts its jobs itself."""
        return start_command(self.name, self.type)


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact of a job, as agents started it and as a worker starts it."""

    place: str
    old: Any
    new: Any
    remark: Remark | None = None

    @property
    def is_same(self) -> bool:
        return bool(self.old == self.new)


@dataclass(frozen=True, slots=True)
class Evidence:
    """The two jobs side by side."""

    proof: Proof
    differing: list[Fact]
    same: list[Fact]


def target_of(line: Line, there: Survey) -> Target | None:
    """The pool of workers; None while something blocks the deployment, or when its pool is gone."""
    if line.was is not None:
        pool = there.there.pools.get(line.worker_pool)
        return _kept(pool) if pool else None
    plan = line.plan.pool
    if plan is None or line.plan.after is None:
        return None
    lines = _template_lines(plan.type, plan.template)
    return Target(plan.name, plan.type, not plan.exists, plan.template, lines, plan)


def evidence_of(line: Line, there: Survey) -> Evidence | None:
    """The proof of one deployment; None while something blocks it."""
    if line.state == "blocked":
        return None
    proof = next(prove(UpgradePlan((line.plan,)), there.there, shipped_templates()), None)
    if proof is None:
        return None
    old, new = dict(leaves(proof.before)), dict(leaves(proof.after))
    told = {one.place: one.explained for one in proof.differences}
    facts = [Fact(place, old.get(place), new.get(place), told.get(place)) for place in dict.fromkeys([*old, *new])]
    return Evidence(proof, [one for one in facts if not one.is_same], [one for one in facts if one.is_same])


def remarks_of(line: Line) -> list[Remark | UpgradeRemark]:
    """What there is to say, the worst first; of an upgraded one what was said when it was upgraded."""
    if line.was is not None and line.recorded:
        order = list(SEVERITIES)
        return sorted(line.recorded.remarks, key=lambda one: order.index(one.severity))
    return list(worst_first(line.plan.remarks))


def other_types(line: Line) -> list[tuple[str, str]]:
    """The types of pools that its block can become besides the one that is planned: what to ask for, and the type."""
    block, pool = line.plan.old.block, line.plan.pool
    if block is None or pool is None:
        return []
    usual = pool_types(block.slug)
    return [("" if kind == usual[0] else f"{block.slug}={kind}", kind) for kind in usual if kind != pool.type]


def block_words(data: Mapping[str, Any]) -> list[tuple[str, Any, str]]:
    """The fields of a block that is to be made: its value, or the field of the old block that it is taken from."""
    return [
        (name, "", value.field) if isinstance(value, Taken) else (name, _shown(value), "")
        for name, value in data.items()
        if value is not None
    ]


def _shown(value: Any) -> Any:
    """A value with the names of what is taken from another block in place of it."""
    if isinstance(value, Taken):
        return f"(taken from {value.field})"
    if isinstance(value, Mapping):
        return {name: _shown(one) for name, one in value.items()}
    return [_shown(one) for one in value] if isinstance(value, list | tuple) else value


def _kept(pool: WorkPool) -> Target:
    template = pool.base_job_template
    return Target(pool.name, pool.type, False, template, _template_lines(pool.type, template))


def _template_lines(kind: str, template: Mapping[str, Any]) -> list[ChangedLine]:
    usual = shipped_templates().get(kind)
    return [replace(one, path=_place(one.path)) for one in changed_lines(usual, template)] if usual else []


def _place(path: str) -> str:
    """A place in a template in fewer words: what a variable is when nobody sets it is what most of them are."""
    if found := _DEFAULT.fullmatch(path):
        return found[1] + found[2]
    if found := _VARIABLE.fullmatch(path):
        return f"variable {found[1]}"
    return path.removeprefix("job_configuration.") if path.startswith("job_configuration.") else path


def all_remarks(lines: Iterable[Line]) -> list[Remark]:
    """What there is to say of many, each once, the worst first."""
    return worst_first(dict.fromkeys(remark for one in lines for remark in one.plan.remarks))
