"""Which filters of runs the tallies can answer: by state, by when runs began, and by what they belong to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from penstock.clock import to_micros
from penstock.core.tallied_spans import HOUR, Bars
from penstock.store.columns import NOUNS
from penstock.store.filters import Compiler, asked
from penstock.store.tallies import STEP
from penstock.wire.filters import Group, Test, parse
from penstock.wire.model import Criteria

_STATE = ("state.type", "state.name")
_IDS = {
    "flows": "select flows.id from flows where {0}",
    "deployments": "select deployments.id from deployments where {0}",
    "work_queues": "select work_queues.id from work_queues where {0}",
    "work_pools": "select q.id from work_queues q where q.work_pool_id in"
    " (select work_pools.id from work_pools where {0})",
}


@dataclass(frozen=True, slots=True)
class Tallied:
    """What a filter asks of the tallies: a condition on `run_tallies`, from when to when, and how long a step is."""

    where: str
    parameters: Mapping[str, Any]
    after: int | None
    before: int | None
    length: int

    def within(self, bars: Bars) -> Bars:
        """The part of a chart that the filter leaves."""
        low = max(bars.low, self.after or bars.low)
        high = bars.high if self.before is None else min(bars.high, self.before + 1)
        return replace(bars, low=low, high=max(low, high))


class _Unfit(Exception):
    """The tallies do not know this."""


@dataclass
class _Reading:
    """What was read of a filter so far."""

    states: list[Test | Group] = field(default_factory=list)
    deployments: list[Test] = field(default_factory=list)
    after: int | None = None
    before: int | None = None

    def take(self, part: Test | Group) -> None:
        """Reads a part that must hold. Raises `_Unfit`."""
        if isinstance(part, Group) and (part.operator == "and" or len(part.parts) < 2):
            for one in part.parts:
                self.take(one)
        elif _only_states(part):
            self.states.append(part)
        elif isinstance(part, Group):
            raise _Unfit
        elif (part.field, part.op) == ("deployment_id", "any"):
            self.deployments.append(part)
        elif (part.field, part.op) == ("start_time", "after"):
            self.after = max(to_micros(part.value), self.after or 0)
        elif (part.field, part.op) == ("start_time", "before"):
            self.before = min(to_micros(part.value), self.before or to_micros(part.value))
        else:
            raise _Unfit


def tallied(criteria: Criteria, dialect: str) -> Tallied | None:
    """What the tallies have for a filter of flow runs; None where only the runs themselves can tell."""
    reading, compiler = _Reading(), Compiler(dialect)
    try:
        reading.take(parse("flow_runs", criteria.flow_runs))
        scope = _scope(criteria, reading, compiler)
    except _Unfit:
        return None
    states = compiler.condition("flow_runs", Group("and", tuple(reading.states))).replace("flow_runs.", "run_tallies.")
    where = scope or "run_tallies.scope = ''"
    return Tallied(f"{where} and {states}", compiler.parameters, reading.after, reading.before, HOUR if scope else STEP)


def _scope(criteria: Criteria, reading: _Reading, compiler: Compiler) -> str | None:
    """The condition on what the runs belong to; None when they may belong to anything."""
    found = [compiler.among("run_tallies.scope", test.value) for test in reading.deployments]
    for noun in NOUNS["flow_runs"].joins:
        if raw := asked(noun, criteria):
            if noun not in _IDS:
                raise _Unfit
            found.append(f"run_tallies.scope in ({_IDS[noun].format(compiler.condition(noun, parse(noun, raw)))})")
    if len(found) > 1:
        raise _Unfit
    return found[0] if found else None


def _only_states(part: Test | Group) -> bool:
    if isinstance(part, Test):
        return part.field in _STATE
    return all(_only_states(one) for one in part.parts)
