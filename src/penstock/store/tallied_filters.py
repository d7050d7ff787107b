"""Which filters of runs the tallies can answer: by state, by when runs began, and by what they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from penstock.clock import to_micros
from penstock.core.tallied_spans import AFTER_ALL, BEFORE_ALL
from penstock.store.columns import NOUNS
from penstock.store.filters import Compiler, are_passing, asked, owners
from penstock.store.tallied_spans import Tallied
from penstock.wire.filters import Group, Test, parse
from penstock.wire.model import Criteria

TABLES = {"flow_runs": "flow_run_tallies", "task_runs": "task_run_tallies"}
_STATE = ("state.type", "state.name")
_OWNERS = ("flows", "deployments", "work_queues", "work_pools")


class _Unfit(Exception):
    """The tallies do not know this."""


@dataclass
class _Reading:
    """What was read of a filter so far."""

    states: list[Test | Group] = field(default_factory=list)
    deployments: list[Test] = field(default_factory=list)
    low: int | None = None
    high: int | None = None

    def take(self, part: Test | Group) -> None:
        """Reads a part that must hold. Raises `_Unfit`."""
        if isinstance(part, Group) and (part.operator == "and" or len(part.parts) < 2):
            for one in part.parts:
                self.take(one)
        elif _only_states(part):
            self.states.append(part)
        elif isinstance(part, Group):
            raise _Unfit
        elif (part.field, part.op) == ("deployment_id", "any"):  # of flow runs alone
            self.deployments.append(part)
        elif (part.field, part.op) == ("start_time", "after"):
            self.low = max(to_micros(part.value), BEFORE_ALL if self.low is None else self.low)
        elif (part.field, part.op) == ("start_time", "before"):
            self.high = min(to_micros(part.value) + 1, AFTER_ALL if self.high is None else self.high)
        else:
            raise _Unfit


def tallied(noun: str, criteria: Criteria, dialect: str) -> Tallied | None:
    """What the tallies have for a filter of flow runs or task runs; None where only the runs themselves can tell."""
    reading, compiler, group = _Reading(), Compiler(dialect), parse(noun, asked(noun, criteria))
    if noun == "flow_runs" and are_passing(group):
        return None  # an index finds them sooner than their many tallies
    try:
        reading.take(group)
        scope = _scope(noun, criteria, reading, compiler)
    except _Unfit:
        return None
    table = TABLES[noun]
    conditions = [compiler.condition(noun, Group("and", tuple(reading.states)))]
    for column in ("state_type", "state_name"):
        conditions[0] = conditions[0].replace(f"{noun}.{column}", f"nullif({table}.{column}, '')")
    if scope or noun == "flow_runs":
        conditions.append(scope or f"{table}.scope = ''")
    where = " and ".join(conditions)
    return Tallied(noun, table, where, compiler.parameters, reading.low, reading.high, by_steps=not scope)


def _scope(noun: str, criteria: Criteria, reading: _Reading, compiler: Compiler) -> str | None:
    """The condition on what the runs belong to; None when they may belong to anything."""
    column = f"{TABLES[noun]}.scope"
    found = [_of_deployments(compiler, column, test.value) for test in reading.deployments]
    for other in NOUNS[noun].joins:
        if raw := asked(other, criteria):
            if noun != "flow_runs" or other not in _OWNERS:
                raise _Unfit
            found.append(f"{column} in ({owners(other, compiler.condition(other, parse(other, raw)))})")
    if len(found) > 1:
        raise _Unfit
    return found[0] if found else None


def _of_deployments(to: Compiler, column: str, ids: list[UUID]) -> str:
    """Whether or not there are such deployments (any more). What is the id of something else is none."""
    others = [
        f"select {table}.id from {table} where {to.among(f'{table}.id', ids)}" for table in ("flows", "work_queues")
    ]
    return f"({to.among(column, ids)} and {column} not in ({' union all '.join(others)}))"


def _only_states(part: Test | Group) -> bool:
    if isinstance(part, Test):
        return part.field in _STATE
    return all(_only_states(one) for one in part.parts)
