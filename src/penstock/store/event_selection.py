"""Compiles an event filter (`core.event_filters`) to SQL; both say the same of the same event."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penstock.core.event_filters import ID, ROLE, EventFilter, EventName, Related, Resource, Specification
from penstock.errors import InvalidRequest
from penstock.store.database import Query
from penstock.store.filters import Compiler, text_search
from penstock.store.statements import statement

Labels = Callable[[str], str]
"""Gives the SQL of a label of a resource."""


@dataclass(frozen=True, slots=True)
class EventSelection:
    """The events a filter asks for."""

    dialect: str
    where: str
    order: str
    parameters: Mapping[str, Any]
    named: str = ""
    """The part of the condition that is about the event's name, where nothing but that and a time is asked."""
    timed: str = ""
    """The other part."""

    def query(self, text: str, **more: Any) -> Query:
        """A query on the events; `{where}` and `{order}` in its text are filled in."""
        filled = text.replace("{where}", self.where).replace("{order}", self.order)
        filled = filled.replace("{named}", self.named).replace("{timed}", self.timed)
        return Query(statement("events", filled), {**self.parameters, **more})


def select_events(wanted: EventFilter, dialect: str, since: datetime, until: datetime) -> EventSelection:
    """The events that a filter asks for; `since` and `until` bound what the filter leaves open."""
    to = Compiler(dialect)
    window = wanted.occurred
    first, last = (window.since, window.until) if window else (None, None)
    timed = [
        f"events.occurred >= {to.parameter(first or since)}",
        f"events.occurred <= {to.parameter(last or until)}",
    ]
    named = _names(to, wanted.event) if wanted.event else []
    conditions = timed + named
    if wanted.id and wanted.id.id:
        conditions.append(to.among("events.id", wanted.id.id))
    if wanted.resource:
        conditions.append(_about(to, wanted.resource))
    conditions += [_related(to, one) for one in _several(wanted.related)]
    conditions += [_any_resource(to, one) for one in _several(wanted.any_resource)]
    if wanted.text:
        conditions.append(text_search(to.like, "events.doc", wanted.text.query))
    where = " and ".join(conditions)
    if wanted.resource and wanted.resource.distinct:
        where = _newest_of_each(where)
    selection = EventSelection(dialect, where, _order(wanted.order), to.parameters)
    if not named or len(conditions) > len(timed) + len(named):
        return selection
    return replace(selection, named=" and ".join(named), timed=" and ".join(timed))


def _order(order: str | None) -> str:
    if order not in (None, "ASC", "DESC"):
        raise InvalidRequest("Input should be 'ASC' or 'DESC'", loc=("body", "filter", "order"))
    return "events.occurred, events.id" if order == "ASC" else "events.occurred desc, events.id desc"


def _names(to: Compiler, wanted: EventName) -> list[str]:
    conditions = []
    welcome = [to.among("events.event", _exact(wanted.name))] if _exact(wanted.name) else []
    welcome += [f"events.event like {to.parameter(_pattern(name))}" for name in wanted.name or () if "*" in name]
    welcome += [_begins(to, "events.event", prefix) for prefix in wanted.prefix or ()]
    if welcome:
        conditions.append(f"({' or '.join(welcome)})")
    if wanted.exclude_name:
        conditions.append(to.not_among("events.event", wanted.exclude_name))
    conditions += [f"not {_begins(to, 'events.event', prefix)}" for prefix in wanted.exclude_prefix or ()]
    return conditions


def _exact(names: list[str] | None) -> list[Any]:
    return [name for name in names or () if "*" not in name]


def _pattern(glob: str) -> str:
    return glob.replace("*", "%")


def _begins(to: Compiler, column: str, prefix: str) -> str:
    value = to.parameter(prefix)
    return f"substr({column}, 1, length({value})) = {value}"


def _about(to: Compiler, wanted: Resource) -> str:
    return _resource(to, wanted, "events.resource_id", lambda label: _label(to, "events.doc", "resource", label))


def _any_resource(to: Compiler, wanted: Resource) -> str:
    inside = _resource(to, wanted, _related_label(to, ID), lambda label: _related_label(to, label))
    return f"({_about(to, wanted)} or ({_maybe_related(to, wanted)} and {_exists_related(to, inside)}))"


def _maybe_related(to: Compiler, wanted: Resource) -> str:
    """What tells quickly that an event names no such resource besides its own; only the others are looked into."""
    if to.dialect == "sqlite":
        texts = [json.dumps(one) for one in wanted.id or ()] + [json.dumps(one)[:-1] for one in wanted.id_prefix or ()]
        return f"({' or '.join(f'instr(events.related, {to.parameter(one)}) > 0' for one in texts) or 'true'})"
    return _indexed(to, wanted.id) if wanted.id and not wanted.id_prefix else "true"


def _resource(to: Compiler, wanted: Resource, id_column: str, label: Labels) -> str:
    ids = [to.among(id_column, wanted.id)] if wanted.id else []
    ids += [_begins(to, id_column, prefix) for prefix in wanted.id_prefix or ()]
    conditions = [f"({' or '.join(ids)})"] if ids else []
    if wanted.labels:
        conditions += _specification(to, wanted.labels, label)
    return f"({' and '.join(conditions or ['true'])})"


def _related(to: Compiler, wanted: Related) -> str:
    """One related resource must fulfil all that is asked."""
    name, role = _related_label(to, ID), _related_label(to, ROLE)
    conditions = []
    if wanted.id:
        conditions.append(to.among(name, wanted.id))
    if wanted.role:
        conditions.append(to.among(role, wanted.role))
    if wanted.resources_in_roles:
        pairs = [
            f"({name} = {to.parameter(one)} and {role} = {to.parameter(as_what)})"
            for one, as_what in wanted.resources_in_roles
        ]
        conditions.append(f"({' or '.join(pairs)})")
    if wanted.labels:
        conditions += _specification(to, wanted.labels, lambda label: _related_label(to, label))
    ids = list(wanted.id or ()) + [one for one, _ in wanted.resources_in_roles or ()]
    narrowed = f"{_indexed(to, ids)} and " if ids and to.dialect == "postgres" else ""
    return f"({narrowed}{_exists_related(to, ' and '.join(conditions or ['true']))})"


def _indexed(to: Compiler, ids: list[str]) -> str:
    """What PostgreSQL's index on the related ids can answer, before the documents are looked into."""
    return f"events.related ?| cast({to.parameter(ids)} as text[])"


def _exists_related(to: Compiler, condition: str) -> str:
    if to.dialect == "sqlite":
        return f"exists (select 1 from json_each(events.doc, '$.related') r where {condition})"
    return f"exists (select 1 from jsonb_array_elements(events.doc::jsonb -> 'related') r(value) where {condition})"


def _related_label(to: Compiler, label: str) -> str:
    if to.dialect == "sqlite":
        return f"json_extract(r.value, {to.parameter(_path(label))})"
    return f"(r.value ->> cast({to.parameter(label)} as text))"


def _label(to: Compiler, document: str, part: str, label: str) -> str:
    if to.dialect == "sqlite":
        return f"json_extract({document}, {to.parameter(_path(part, label))})"
    return f"({document}::jsonb -> '{part}' ->> cast({to.parameter(label)} as text))"


def _path(*keys: str) -> str:
    if any('"' in key for key in keys):
        raise InvalidRequest('A label in a filter may not contain "')
    return "$" + "".join(f".{json.dumps(key, ensure_ascii=False)}" for key in keys)


def _specification(to: Compiler, wanted: Specification, label: Labels) -> list[str]:
    """Each label is there, is one of the plain values (if there are any) and none of the negated."""
    conditions = []
    for name, values in wanted.items():
        value = label(name)
        several = [values] if isinstance(values, str) else values
        conditions.append(f"{value} is not null")
        welcome = [_same(to, value, one) for one in several if not one.startswith("!")]
        if welcome:
            conditions.append(f"({' or '.join(welcome)})")
        conditions += [f"not {_same(to, value, one[1:])}" for one in several if one.startswith("!")]
    return conditions


def _same(to: Compiler, value: str, wanted: str) -> str:
    if wanted.endswith("*"):
        return _begins(to, value, wanted[:-1])
    return f"{value} = {to.parameter(wanted)}"


def _newest_of_each(where: str) -> str:
    ranked = "row_number() over (partition by events.resource_id order by events.occurred desc, events.id desc)"
    inner = f"select events.id, {ranked} as place from events where {where}"
    return f"events.id in (select x.id from ({inner}) x where x.place = 1)"


def _several(wanted: Any) -> list[Any]:
    if wanted is None:
        return []
    return wanted if isinstance(wanted, list) else [wanted]
