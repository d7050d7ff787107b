"""Compiles an event filter (`core.event_filters`) to SQL; both say the same of the same event."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from penstock.clock import to_micros
from penstock.core.event_filters import ID, ROLE, EventFilter, EventName, Occurred, Related, Resource, Specification
from penstock.errors import InvalidRequest
from penstock.store.database import Query
from penstock.store.filters import Compiler, text_search
from penstock.store.statements import statement

Labels = Callable[[str], str]
"""Gives the SQL of a label of a resource."""
Begins = Callable[[Compiler, str, str], str]
"""Gives the SQL of a column beginning with a text."""
_WHEN = "events.occurred"
TIMED = f"{_WHEN} >= :since and {_WHEN} <= :until"
"""The condition on when an event occurred."""
NEWEST = f"{_WHEN} desc, events.id desc"
_SURROGATES, _AFTER_SURROGATES = 0xD800, 0xE000
"""Where the codes begin that are no characters, and what comes after them."""


@dataclass(frozen=True, slots=True)
class EventSelection:
    """The events a filter asks for, between the parameters `since` and `until`, both included."""

    dialect: str
    where: str
    order: str
    parameters: Mapping[str, Any]
    named: str = ""
    """The part of the condition that is about the event's name, where nothing but that and a time is asked."""
    about: str = ""
    """The part that is about the id of the resource, where that may be one of many."""
    is_found: bool = True
    """Whether an index finds what is asked. What is named or about many may be found; all else has to be looked for."""

    def query(self, text: str, *, by_time: bool = True, **more: Any) -> Query:
        """A query on the events; `{where}`, `{timed}`, `{named}`, `{about}` and `{order}` in its text are filled in.

        With `by_time` false they are not found by when they occurred, nor sorted by it without being looked at.
        """
        parts = {"where": self.where, "timed": TIMED, "named": self.named, "about": self.about, "order": self.order}
        for name, part in parts.items():
            text = text.replace("{" + name + "}", part)
        if not by_time:
            text = text.replace(_WHEN, f"+{_WHEN}")
        return Query(statement("events", text), {**self.parameters, **more})

    def within(self, *, since: datetime | None = None, until: datetime | None = None) -> EventSelection:
        """Those of a shorter time."""
        times = dict(self.parameters)
        if since is not None:
            times["since"] = max(times["since"], to_micros(since))
        if until is not None:
            times["until"] = min(times["until"], to_micros(until))
        return replace(self, parameters=times)


def select_events(wanted: EventFilter, dialect: str, since: datetime, until: datetime) -> EventSelection:
    """The events that a filter asks for; `since` and `until` bound what the filter leaves open."""
    to = Compiler(dialect)
    window = wanted.occurred or Occurred()
    to.parameters |= {"since": to_micros(window.since or since), "until": to_micros(window.until or until)}
    named = " and ".join(_names(to, wanted.event)) if wanted.event else ""
    about = _ids(to, wanted.resource, "events.resource_id", _begins) if wanted.resource else ""
    rest = _rest(to, wanted)
    where = " and ".join(part for part in (TIMED, named, about, *rest) if part)
    selection = EventSelection(dialect, where, _order(wanted.order), to.parameters)
    if wanted.resource and wanted.resource.distinct:
        return replace(selection, where=_newest_of_each(where))
    if (wanted.id and wanted.id.id) or _is_about_one(wanted.resource) or where == TIMED:
        return selection
    return replace(selection, named="" if about or rest else named, about=about, is_found=False)


def _is_about_one(resource: Resource | None) -> bool:
    return resource is not None and len(resource.id or ()) == 1 and not resource.id_prefix


def _rest(to: Compiler, wanted: EventFilter) -> list[str]:
    """What is asked beside time, name, and the id of the resource."""
    conditions = []
    if wanted.id and wanted.id.id:
        conditions.append(to.among("events.id", wanted.id.id))
    if wanted.resource and wanted.resource.labels:
        conditions += _specification(to, wanted.resource.labels, _own_label(to))
    conditions += [_related(to, one) for one in _several(wanted.related)]
    conditions += [_any_resource(to, one) for one in _several(wanted.any_resource)]
    if wanted.text:
        conditions.append(text_search(to.like, "events.doc", wanted.text.query))
    return conditions


def _order(order: str | None) -> str:
    if order not in (None, "ASC", "DESC"):
        raise InvalidRequest("Input should be 'ASC' or 'DESC'", loc=("body", "filter", "order"))
    return "events.occurred, events.id" if order == "ASC" else NEWEST


def _names(to: Compiler, wanted: EventName) -> list[str]:
    conditions = []
    welcome = [to.among("events.event", _exact(wanted.name))] if _exact(wanted.name) else []
    welcome += [_fits(to, "events.event", name) for name in wanted.name or () if "*" in name]
    welcome += [_begins(to, "events.event", prefix) for prefix in wanted.prefix or ()]
    if welcome:
        conditions.append(f"({' or '.join(welcome)})")
    if wanted.exclude_name:
        conditions.append(to.not_among("events.event", wanted.exclude_name))
    conditions += [f"not {_begins(to, 'events.event', prefix)}" for prefix in wanted.exclude_prefix or ()]
    return conditions


def _exact(names: list[str] | None) -> list[Any]:
    return [name for name in names or () if "*" not in name]


def _fits(to: Compiler, column: str, name: str) -> str:
    """That a column is as a name in which each * stands for any text."""
    if to.dialect == "sqlite":
        pattern = re.sub(r"[?[]", r"[\g<0>]", name)
        return f"{column} glob {to.parameter(pattern)}"
    pattern = re.sub(r"[%_\\]", r"\\\g<0>", name).replace("*", "%")
    return f"{column} like {to.parameter(pattern)}"


def _begins(to: Compiler, column: str, prefix: str) -> str:
    """That a column begins with a text, as a range that an index can answer."""
    at_least, below = ("~>=~", "~<~") if to.dialect == "postgres" else (">=", "<")
    conditions = [f"{column} {at_least} {to.parameter(prefix)}"]
    if end := _following(prefix):
        conditions.append(f"{column} {below} {to.parameter(end)}")
    return f"({' and '.join(conditions)})"


def _following(prefix: str) -> str:
    """The first text after all that begin with one, by code points; empty where there is none."""
    kept = prefix.rstrip(chr(sys.maxunicode))
    if not kept:
        return ""
    code = ord(kept[-1]) + 1
    return kept[:-1] + chr(_AFTER_SURROGATES if code == _SURROGATES else code)


def _value_begins(to: Compiler, value: str, prefix: str) -> str:
    """The same of what is in a document, which need not be text."""
    wanted = to.parameter(prefix)
    return f"substr({value}, 1, length({wanted})) = {wanted}"


def _any_resource(to: Compiler, wanted: Resource) -> str:
    about = _resource(to, wanted, "events.resource_id", _begins, _own_label(to))
    return f"({about} or {_named_besides(to, wanted)})"


def _named_besides(to: Compiler, wanted: Resource) -> str:
    """That an event names such a resource besides its own: their ids are in a column, the rest in the document."""
    if wanted.labels:
        one = _resource(to, wanted, _related_label(to, ID), _value_begins, lambda label: _related_label(to, label))
        exists = _exists_related(to, one)
    else:
        listed = "json_each(events.related) r" if to.dialect == "sqlite" else _RELATED_IDS
        exists = f"exists (select 1 from {listed} where {_ids(to, wanted, 'r.value', _value_begins) or 'true'})"
    return f"({_maybe_related(to, wanted)} and {exists})"


_RELATED_IDS = "jsonb_array_elements_text(events.related) r(value)"


def _maybe_related(to: Compiler, wanted: Resource) -> str:
    """What tells quickly that an event names no such resource besides its own; only the others are looked into."""
    if to.dialect == "sqlite":
        texts = [json.dumps(one) for one in wanted.id or ()] + [json.dumps(one)[:-1] for one in wanted.id_prefix or ()]
        return f"({' or '.join(f'instr(events.related, {to.parameter(one)}) > 0' for one in texts) or 'true'})"
    return _indexed(to, wanted.id) if wanted.id and not wanted.id_prefix else "true"


def _resource(to: Compiler, wanted: Resource, id_column: str, begins: Begins, label: Labels) -> str:
    ids = _ids(to, wanted, id_column, begins)
    conditions = [ids] if ids else []
    if wanted.labels:
        conditions += _specification(to, wanted.labels, label)
    return f"({' and '.join(conditions or ['true'])})"


def _ids(to: Compiler, wanted: Resource, column: str, begins: Begins) -> str:
    """That a resource's id is one of those, or begins so; empty where none is asked."""
    ids: list[str] = []
    if wanted.id:
        ids.append(f"{column} = {to.parameter(wanted.id[0])}" if len(wanted.id) == 1 else to.among(column, wanted.id))
    ids += [begins(to, column, prefix) for prefix in wanted.id_prefix or ()]
    return f"({' or '.join(ids)})" if ids else ""


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


def _own_label(to: Compiler) -> Labels:
    """Labels of the resource that an event is about."""
    if to.dialect == "sqlite":
        return lambda label: f"json_extract(events.doc, {to.parameter(_path('resource', label))})"
    return lambda label: f"(events.doc::jsonb -> 'resource' ->> cast({to.parameter(label)} as text))"


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
        return _value_begins(to, value, wanted[:-1])
    return f"{value} = {to.parameter(wanted)}"


def _newest_of_each(where: str) -> str:
    ranked = "row_number() over (partition by events.resource_id order by events.occurred desc, events.id desc)"
    inner = f"select events.id, {ranked} as place from events where {where}"
    return f"events.id in (select x.id from ({inner}) x where x.place = 1)"


def _several(wanted: Any) -> list[Any]:
    if wanted is None:
        return []
    return wanted if isinstance(wanted, list) else [wanted]
