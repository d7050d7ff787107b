"""Whether an event is wanted: the event filter of the API as a function of one event.

A list that is empty or absent asks for nothing. Everything that is asked must hold.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec

from penstock.core.text_queries import matches_text
from penstock.errors import InvalidRequest
from penstock.wire.events import ReceivedEvent

Matcher = Callable[[ReceivedEvent], bool]
Labels = Mapping[str, Any]
Specification = dict[str, str | list[str]]

ID = "prefect.resource.id"
ROLE = "prefect.resource.role"


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Occurred(_Part, frozen=True):
    """A window of time, both ends included."""

    since: datetime | None = None
    until: datetime | None = None


class EventName(_Part, frozen=True):
    """Names wanted and not wanted."""

    prefix: list[str] | None = None
    exclude_prefix: list[str] | None = None
    name: list[str] | None = None
    exclude_name: list[str] | None = None


class Resource(_Part, frozen=True):
    """The resource an event is about, or any it names."""

    id: list[str] | None = None
    id_prefix: list[str] | None = None
    labels: Specification | None = None
    distinct: bool | None = None


class Related(_Part, frozen=True):
    """The resources an event names besides its own."""

    id: list[str] | None = None
    role: list[str] | None = None
    resources_in_roles: list[tuple[str, str]] | None = None
    labels: Specification | None = None


class EventId(_Part, frozen=True):
    """Events by id."""

    id: list[UUID] | None = None


class Text(_Part, frozen=True):
    """Words in the event."""

    query: str


class EventFilter(_Part, frozen=True):
    """What may be asked of events."""

    occurred: Occurred | None = None
    event: EventName | None = None
    resource: Resource | None = None
    related: Related | list[Related] | None = None
    any_resource: Resource | list[Resource] | None = None
    id: EventId | None = None
    text: Text | None = None
    order: str | None = None


def read_filter(raw: Mapping[str, Any]) -> EventFilter:
    """The filter a client sent. Raises `InvalidRequest` for one that can't be understood."""
    try:
        return msgspec.convert(raw, EventFilter)
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"The event filter can't be understood: {error}") from error


def matcher(wanted: EventFilter) -> Matcher:
    """A function that tells whether an event is wanted."""
    tests: list[Matcher] = []
    if wanted.occurred:
        tests.append(_in_window(wanted.occurred))
    if wanted.event:
        tests += _name_tests(wanted.event)
    if wanted.id and wanted.id.id:
        ids = frozenset(wanted.id.id)
        tests.append(lambda event: event.id in ids)
    if wanted.resource:
        tests.append(_about(wanted.resource))
    tests += [_related(one) for one in _several(wanted.related)]
    tests += [_any_resource(one) for one in _several(wanted.any_resource)]
    if wanted.text and wanted.text.query.strip():
        query = wanted.text.query
        tests.append(lambda event: matches_text(query, searchable(event)))
    return lambda event: all(test(event) for test in tests)


def matches_labels(specification: Specification, labels: Labels) -> bool:
    """Whether a resource's labels fit: each named label is one of the values.

    A value may end in `*` for any ending, or begin with `!` for "not this"; a label that is absent
    fits nothing, not even a negated value.
    """
    return all(_fits(wanted, labels.get(label)) for label, wanted in specification.items())


def searchable(event: ReceivedEvent) -> str:
    """The text of an event that a text query looks at."""
    return " ".join(_words([event.event, event.resource, event.related, event.payload]))


def _in_window(window: Occurred) -> Matcher:
    since, until = _aware(window.since), _aware(window.until)
    return lambda event: (since is None or event.occurred >= since) and (until is None or event.occurred <= until)


def _aware(moment: datetime | None) -> datetime | None:
    """A time without a zone is UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _name_tests(wanted: EventName) -> list[Matcher]:
    tests: list[Matcher] = []
    names, prefixes = frozenset(wanted.name or ()), tuple(wanted.prefix or ())
    if names or prefixes:
        pattern = _pattern(name for name in names if "*" in name)
        tests.append(
            lambda event: (
                event.event in names
                or event.event.startswith(prefixes or "\0")
                or bool(pattern and pattern.fullmatch(event.event))
            )
        )
    if wanted.exclude_name:
        excluded = frozenset(wanted.exclude_name)
        tests.append(lambda event: event.event not in excluded)
    if wanted.exclude_prefix:
        unwanted = tuple(wanted.exclude_prefix)
        tests.append(lambda event: not event.event.startswith(unwanted))
    return tests


def _pattern(globs: Iterable[str]) -> re.Pattern[str] | None:
    parts = [".*".join(re.escape(part) for part in glob.split("*")) for glob in globs]
    return re.compile("|".join(parts)) if parts else None


def _about(wanted: Resource) -> Matcher:
    return lambda event: _is(wanted, event.resource)


def _any_resource(wanted: Resource) -> Matcher:
    return lambda event: any(_is(wanted, resource) for resource in (event.resource, *event.related))


def _is(wanted: Resource, labels: Labels) -> bool:
    name = str(labels.get(ID, ""))
    if (wanted.id or wanted.id_prefix) and not (
        name in (wanted.id or ()) or name.startswith(tuple(wanted.id_prefix or ()) or "\0")
    ):
        return False
    return not wanted.labels or matches_labels(wanted.labels, labels)


def _related(wanted: Related) -> Matcher:
    """One related resource must fulfil all that is asked."""
    return lambda event: any(_is_related(wanted, resource) for resource in event.related)


def _is_related(wanted: Related, labels: Labels) -> bool:
    name, role = labels.get(ID), labels.get(ROLE)
    return (
        (not wanted.id or name in wanted.id)
        and (not wanted.role or role in wanted.role)
        and (not wanted.resources_in_roles or (name, role) in wanted.resources_in_roles)
        and (not wanted.labels or matches_labels(wanted.labels, labels))
    )


def _several(wanted: Any) -> list[Any]:
    if wanted is None:
        return []
    return wanted if isinstance(wanted, list) else [wanted]


def _fits(wanted: str | list[str], value: Any) -> bool:
    if value is None:
        return False
    values = [wanted] if isinstance(wanted, str) else wanted
    refused = [one[1:] for one in values if one.startswith("!")]
    welcome = [one for one in values if not one.startswith("!")]
    text = str(value)
    return not any(_same(one, text) for one in refused) and (not welcome or any(_same(one, text) for one in welcome))


def _same(wanted: str, value: str) -> bool:
    return value.startswith(wanted[:-1]) if wanted.endswith("*") else value == wanted


def _words(value: Any) -> Iterable[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif value is not None:
        yield str(value)
