"""Compiles parsed filters (`wire.filters`) to SQL, for all nouns and both databases.

The value of every test is a parameter; the text holds only names of ours. A filter on another noun
becomes an EXISTS on its table.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from penstock.clock import to_micros
from penstock.core.states import TERMINAL
from penstock.core.text_queries import terms
from penstock.errors import InvalidRequest
from penstock.store.columns import NOUNS, POOL_OF_QUEUE, Noun
from penstock.store.database import Query
from penstock.store.statements import statement
from penstock.wire.filters import Group, Test, parse
from penstock.wire.model import Criteria
from penstock.wire.states import StateType

MOST = 200
"""Default and highest number of rows in one answer."""

Parameters = dict[str, Any]
_STATES = frozenset(kind.value for kind in StateType)
_PASSING = frozenset(kind.value for kind in StateType if kind not in TERMINAL)
_SCHEDULED = frozenset({StateType.SCHEDULED.value})
_PASSING_NAMES = frozenset(
    {"Late", "AwaitingRetry", "Pending", "Running", "Retrying", "Paused", "Suspended", "Cancelling"}
)


@dataclass(frozen=True, slots=True)
class Selection:
    """The rows of one noun that a request asks for; `where` uses `parameters`."""

    noun: Noun
    dialect: str
    where: str
    parameters: Mapping[str, Any]
    order: str
    limit: int
    offset: int
    index: str = ""
    """What to say of an index behind the table's name, where the database may choose a bad one."""
    queues: str = ""
    """The query for the queues whose runs are looked through one queue after the other, each in the order wanted."""

    def rows(self, columns: str = "doc") -> Query:
        """The query for the rows, sorted and limited. Only those that are wanted are read whole: sorting is by id."""
        if self.queues:
            return self._rows_by_queue(columns)
        table, order = self.noun.table, self.order
        found = f"from {table}{self.index} where {self.where} order by {order} limit :limit offset :offset"
        text = f"select {columns} from {table} where {table}.id in (select {table}.id {found}) order by {order}"
        if not self.noun.has_key:
            text = f"select {columns} {found}"
        return self._query(text, limit=self.limit, offset=self.offset)

    def _rows_by_queue(self, columns: str) -> Query:
        """The first of each queue, by its index, and of them the first of all: a queue may have no run or a million."""
        sorted_ = f"order by {self.order}"
        of_one = f"where flow_runs.work_queue_id = k.queue and {self.where} {sorted_} limit :most"
        if self.dialect == "sqlite":
            some = f"select flow_runs.id from flow_runs indexed by flow_runs_by_queue {of_one}"
            found = f"from ({self.queues}) k cross join flow_runs where flow_runs.id in ({some})"
        else:
            found = f"from ({self.queues}) k cross join lateral (select flow_runs.* from flow_runs {of_one}) flow_runs"
        text = f"select {columns} {found} {sorted_} limit :limit offset :offset"
        return self._query(text, limit=self.limit, offset=self.offset, most=self.limit + self.offset)

    def count(self) -> Query:
        """The query for their number, whatever the limit."""
        return self._query(f"select count(*) from {self.noun.table}{self.index} where {self.where}")

    def _query(self, text: str, **more: Any) -> Query:
        return Query(statement("selection", text), {**self.parameters, **more})


def compile(noun: str, group: Group, dialect: str) -> tuple[str, Parameters]:
    """The condition on the noun's table, which the statement must name unaliased, and its parameters."""
    compiler = Compiler(dialect)
    return compiler.condition(noun, group), compiler.parameters


def select(noun: str, criteria: Criteria, dialect: str, *, most: int = MOST) -> Selection:
    """What the body of a filter, count or paginate request selects.

    Conditions on nouns that the asked one has no relation to are ignored, as Prefect's server does.
    Raises `InvalidRequest` for unknown keys, values, sorts, and for a limit above `most`.
    """
    known = NOUNS[noun]
    compiler = Compiler(dialect)
    group = parse(noun, asked(noun, criteria))
    conditions = [compiler.condition(noun, group)]
    queues = []
    for other, join in known.joins.items():
        if raw := asked(other, criteria):
            inner = compiler.condition(other, parse(other, raw))
            conditions.append(_neighbour(NOUNS[other].table, join, known.table, inner))
            if other in ("work_queues", "work_pools"):
                queues.append(f"work_queues.id in ({owners(other, inner)})")
    limit, index = bounded(criteria.limit, most), _hint(noun, group, criteria, dialect)
    in_a_queues_order = noun == "flow_runs" and (criteria.sort or "").startswith("START_TIME")
    by_queue = bool(queues) and in_a_queues_order and not index
    return Selection(
        known,
        dialect,
        " and ".join(conditions),
        compiler.parameters,
        _order(known, criteria.sort),
        limit,
        _offset(criteria, limit),
        index,
        f"select work_queues.id as queue from work_queues where {' and '.join(queues)}" if by_queue else "",
    )


def are_passing(group: Group) -> bool:
    """Whether runs are asked for in states that they only pass through: at any time there are few."""
    return _only(group, "state.type", _PASSING) or _only(group, "state.name", _PASSING_NAMES)


def _hint(noun: str, group: Group, criteria: Criteria, dialect: str) -> str:
    """What names an index to look for runs by, where SQLite would rather look at all runs."""
    if dialect != "sqlite" or noun != "flow_runs":
        return ""
    index = _index_of_passing(group, criteria)
    if not index and criteria.sort and criteria.sort.startswith("EXPECTED_START_TIME"):
        index = _index_by_due(group, criteria)
    return f" indexed by {index}" if index else ""


def _index_of_passing(group: Group, criteria: Criteria) -> str:
    """Runs are few in states that they pass through; but many are scheduled, beside those of one deployment."""
    many = _SCHEDULED if not (asked("work_pools", criteria) or asked("work_queues", criteria)) else frozenset()
    if _only(group, "state.type", _PASSING - many):
        return "flow_runs_by_state"
    if _only(group, "state.type", _SCHEDULED) and _must(group, _names_deployments):
        return "flow_runs_of_deployment"
    return "flow_runs_by_state_name" if _only(group, "state.name", _PASSING_NAMES) else ""


def _index_by_due(group: Group, criteria: Criteria) -> str:
    """By when they were due, runs of something are sorted by its index sooner than they are met among all.

    But those of a state that runs end in, which may be the most of them, are soon met.
    """
    if found := [index for other, index in _INDEXES_OF.items() if asked(other, criteria)]:
        return found[0]
    if asked("task_runs", criteria) or not _fields(group) <= _KNOWN_BY_DUE:
        return ""
    if _only(group, "state.type", _PASSING):
        return "flow_runs_by_state"
    is_passing = _only(group, "state.name", _PASSING_NAMES | {"Scheduled"})
    return "flow_runs_by_state_name" if is_passing else "flow_runs_by_expected_start"


_INDEXES_OF = {
    "deployments": "flow_runs_by_deployment",
    "flows": "flow_runs_by_flow",
    "work_queues": "flow_runs_by_queue",
    "work_pools": "flow_runs_by_queue",
}
_KNOWN_BY_DUE = {"state.type", "state.name", "expected_start_time"}


def _fields(part: Group | Test) -> set[str]:
    """What is asked of a noun itself."""
    return {part.field} if isinstance(part, Test) else {name for one in part.parts for name in _fields(one)}


def _only(group: Group, field: str, values: frozenset[str]) -> bool:
    """Whether a field must have one of these values."""
    return _must(group, lambda test: _is_any_of(test, field) and values.issuperset(test.value))


def _names_deployments(test: Test) -> bool:
    return _is_any_of(test, "deployment_id")


def _is_any_of(test: Test, field: str) -> bool:
    return (test.field, test.op) == (field, "any") and bool(test.value)


def _must(part: Group | Test, holds: Callable[[Test], bool]) -> bool:
    """Whether one of the tests that all must be passed is such."""
    if isinstance(part, Test):
        return holds(part)
    return (part.operator == "and" or len(part.parts) == 1) and any(_must(one, holds) for one in part.parts)


def _neighbour(other: str, join: str, table: str, condition: str) -> str:
    """That a related row fulfils a condition; a row's parents are looked up once, not for each row."""
    own = join.removeprefix(f"{other}.id = {{t}}.")
    if own.isidentifier():
        return f"{table}.{own} in ({_ids(other, condition)})"
    if join == POOL_OF_QUEUE:
        return f"{table}.work_queue_id in ({owners(other, condition)})"
    return f"exists (select 1 from {other} where {join.format(t=table)} and {condition})"


def owners(noun: str, condition: str) -> str:
    """The query for the ids by which runs belong to those that fulfil a condition: to a pool by its queues."""
    ids = _ids(noun, condition)
    return f"select q.id from work_queues q where q.work_pool_id in ({ids})" if noun == "work_pools" else ids


def _ids(noun: str, condition: str) -> str:
    return f"select {noun}.id from {noun} where {condition}"


def bounded(limit: int | None, most: int = MOST) -> int:
    """The limit to apply; `InvalidRequest` when it is negative or above `most`."""
    if limit is None:
        return most
    if limit < 0:
        raise InvalidRequest("Invalid limit: it can't be below 0.")
    if limit > most:
        raise InvalidRequest(f"Invalid limit: {most} is the most.")
    return limit


def asked(noun: str, criteria: Criteria) -> Mapping[str, Any] | None:
    """What a request asks of a noun: its raw filter, if there is one."""
    if noun == "work_queues":
        return criteria.work_pool_queues or criteria.work_queues
    if noun == "artifact_collections":
        noun = "artifacts"
    found: Mapping[str, Any] | None = getattr(criteria, noun, None)
    return found


def _order(noun: Noun, sort: str | None) -> str:
    if sort is None:
        return next(iter(noun.sorts.values())).format(t=noun.table)
    if sort not in noun.sorts:
        raise InvalidRequest(f"Input should be one of {', '.join(noun.sorts)}", loc=("body", "sort"))
    return noun.sorts[sort].format(t=noun.table)


def _offset(criteria: Criteria, limit: int) -> int:
    if criteria.page is not None:
        if criteria.page < 1:
            raise InvalidRequest("page must be 1 or more", loc=("body", "page"))
        return (criteria.page - 1) * limit
    if (criteria.offset or 0) < 0:
        raise InvalidRequest("offset must be 0 or more", loc=("body", "offset"))
    return criteria.offset or 0


class Compiler:
    """Collects the parameters of one statement while its text is put together."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.parameters: Parameters = {}

    def condition(self, noun: str, group: Group) -> str:
        """The condition of a tree of tests."""
        if not group.parts:
            return "true"
        parts = [
            self.condition(noun, part) if isinstance(part, Group) else self._test(noun, part) for part in group.parts
        ]
        return "(" + f" {group.operator} ".join(parts) + ")"

    def _test(self, noun: str, test: Test) -> str:
        special = _SPECIAL.get((noun, test.field, test.op))
        if special:
            return special(self, NOUNS[noun], test)
        column = self._column(NOUNS[noun], test)
        if _is_json_list(test.field):
            return _LISTS[self.dialect][test.op](self, column, test.value)
        return _TESTS[test.op](self, column, test.value)

    def _column(self, noun: Noun, test: Test) -> str:
        if test.field in noun.json:
            return self.in_document(noun, noun.json[test.field])
        found = noun.fields.get(test.field, "{t}." + test.field)
        if test.op == "is_null":
            found = noun.nulls.get(test.field, found)
        return found.format(t=noun.table)

    def in_document(self, noun: Noun, path: tuple[str, ...]) -> str:
        """A value inside the stored document, as text."""
        if self.dialect == "sqlite":
            return f"json_extract({noun.table}.doc, '$.{'.'.join(path)}')"
        return f"({noun.table}.doc::jsonb #>> '{{{','.join(path)}}}')"

    def parameter(self, value: Any) -> str:
        """Takes a value; gives what stands for it in the text."""
        name = f"p{len(self.parameters)}"
        self.parameters[name] = _plain(value)
        return f":{name}"

    def among(self, column: str, values: Sequence[Any]) -> str:
        """That a column has one of the values."""
        if self.dialect == "sqlite":
            return f"{column} in {self._members(values)}"
        return f"{column} = any(cast({self.parameter([_plain(v) for v in values])} as text[]))"

    def not_among(self, column: str, values: Sequence[Any]) -> str:
        """That a column has a value, and none of these."""
        if self.dialect == "sqlite":
            return f"{column} not in {self._members(values)}"
        return f"{column} <> all(cast({self.parameter([_plain(v) for v in values])} as text[]))"

    def _members(self, values: Sequence[Any]) -> str:
        return f"(select value from json_each({self.parameter(json.dumps([_plain(v) for v in values]))}))"

    def like(self, column: str, pattern: str) -> str:
        """A comparison with a pattern that ignores case."""
        operator = "like" if self.dialect == "sqlite" else "ilike"
        return f"{column} {operator} {self.parameter(pattern)}"


def _plain(value: Any) -> Any:
    """A value as the database holds it."""
    if isinstance(value, datetime):
        return to_micros(value)
    return value if value is None or isinstance(value, str | int | float | list) else str(value)


def _is_json_list(field: str) -> bool:
    return field in ("tags", "block_capabilities")


def _any(to: Compiler, column: str, values: list[Any]) -> str:
    if not values:
        return "false"
    if column.endswith(".state_type") and _STATES.issuperset(values):
        # Written out, so that the indexes of runs in some states can serve.
        states = [f"'{one}'" for one in sorted(set(map(str, values)))]
        return f"{column} = {states[0]}" if len(states) == 1 else f"{column} in ({', '.join(states)})"
    if len(values) == 1:
        return f"{column} = {to.parameter(values[0])}"
    return to.among(column, values)


def _not_any(to: Compiler, column: str, values: list[Any]) -> str:
    return to.not_among(column, values)


def _startswith(to: Compiler, column: str, values: list[str]) -> str:
    return "(" + (" or ".join(to.like(column, f"{value}%") for value in values) or "false") + ")"


def _is_null(to: Compiler, column: str, value: bool) -> str:
    return f"{column} is null" if value else f"{column} is not null"


_TESTS: dict[str, Callable[[Compiler, str, Any], str]] = {
    "any": _any,
    "not_any": _not_any,
    "like": lambda to, column, value: to.like(column, f"%{value}%"),
    "startswith": _startswith,
    "is_null": _is_null,
    "exists": lambda to, column, value: _is_null(to, column, not value),
    "eq": lambda to, column, value: f"{column} = {to.parameter(value)}",
    "ge": lambda to, column, value: f"{column} >= {to.parameter(value)}",
    "le": lambda to, column, value: f"{column} <= {to.parameter(value)}",
    "after": lambda to, column, value: f"{column} >= {to.parameter(value)}",
    "before": lambda to, column, value: f"{column} <= {to.parameter(value)}",
}


def _all_sqlite(to: Compiler, column: str, values: list[str]) -> str:
    wanted = to.parameter(json.dumps(values))
    inner = f"select h.value from json_each({column}) h"
    exact = f"not exists (select 1 from json_each({wanted}) w where w.value not in ({inner}))"
    return f"({' and '.join([*_seen(to, column, values), exact])})"


def _any_sqlite(to: Compiler, column: str, values: list[str]) -> str:
    seen = _seen(to, column, values)
    exact = f"exists (select 1 from json_each({column}) h where {to.among('h.value', values)})"
    return f"(({' or '.join(seen)}) and {exact})" if seen and len(seen) == len(values) else exact


def _seen(to: Compiler, column: str, values: list[str]) -> list[str]:
    """That a list's text has a value in it: most lists have not, and that is sooner told than by reading them.

    Nothing for values that may be written in several ways.
    """
    plain = [text for value in values if (text := json.dumps(value)) == f'"{value}"']
    return [f"instr({column}, {to.parameter(text)}) > 0" for text in plain]


def _listed(column: str, condition: str, values: list[str]) -> str:
    """The condition, with the hint that lists without members do not matter: they are in no index."""
    return f"({column} <> cast('[]' as jsonb) and {column} {condition})" if values else f"{column} {condition}"


_LISTS: dict[str, dict[str, Callable[[Compiler, str, Any], str]]] = {
    "sqlite": {
        "all": _all_sqlite,
        "any": _any_sqlite,
        "is_null": lambda to, column, value: f"{column} {'=' if value else '<>'} '[]'",
    },
    "postgres": {
        "all": lambda to, column, values: _listed(
            column, f"@> cast({to.parameter(json.dumps(values))} as jsonb)", values
        ),
        "any": lambda to, column, values: _listed(column, f"?| cast({to.parameter(values)} as text[])", values),
        "is_null": lambda to, column, value: f"{column} {'=' if value else '<>'} cast('[]' as jsonb)",
    },
}


def _has_deployment(to: Compiler, noun: Noun, test: Test) -> str:
    found = f"exists (select 1 from deployments d where d.flow_id = {noun.table}.id)"
    return f"not {found}" if test.value else found


def _has_subflow(to: Compiler, noun: Noun, test: Test) -> str:
    found = f"exists (select 1 from flow_runs f where f.parent_task_run_id = {noun.table}.id)"
    return found if test.value else f"not {found}"


def _flow_or_deployment(to: Compiler, noun: Noun, test: Test) -> str:
    pattern = f"%{test.value}%"
    flow = f"exists (select 1 from flows f where f.id = {noun.table}.flow_id and {to.like('f.name', pattern)})"
    return f"({to.like(f'{noun.table}.name', pattern)} or {flow})"


def _children_of(to: Compiler, noun: Noun, test: Test) -> str:
    tasks = f"select x.id from task_runs x where {_any(to, 'x.flow_run_id', test.value)}"
    return f"{noun.table}.parent_task_run_id in ({tasks})"


def _log_text(to: Compiler, noun: Noun, test: Test) -> str:
    return text_search(to.like, to.in_document(noun, ("message",)), test.value)


def text_search(like: Callable[[str, str], str], column: str, query: str) -> str:
    """The condition of a text query (`core.text_queries`) on a column."""
    any_of, all_of, none_of = terms(query)
    conditions = [like(column, f"%{term}%") for term in all_of]
    conditions += [f"not {like(column, f'%{term}%')}" for term in none_of]
    if any_of:
        conditions.append(f"({' or '.join(like(column, f'%{term}%') for term in any_of)})")
    return f"({' and '.join(conditions)})" if conditions else "true"


def _made_by(to: Compiler, noun: Noun, test: Test) -> str:
    return _any(to, to.in_document(noun, ("created_by", test.op)), test.value)


_SPECIAL: dict[tuple[str, str, str], Callable[[Compiler, Noun, Test], str]] = {
    ("flows", "deployment", "is_null"): _has_deployment,
    ("task_runs", "subflow_runs", "exists"): _has_subflow,
    ("deployments", "flow_or_deployment_name", "like"): _flow_or_deployment,
    ("flow_runs", "parent_flow_run_id", "any"): _children_of,
    ("flow_runs", "created_by", "id"): _made_by,
    ("flow_runs", "created_by", "type"): _made_by,
    ("logs", "text", "query"): _log_text,
}
