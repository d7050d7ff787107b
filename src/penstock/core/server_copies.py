"""Whether what one server has is on another already, and what it is there: the pure half of copying between servers.

Records are known by name, as ids differ between servers. A record's body is what would be written of it; it is the same
on two servers when the bodies are equal once the ids in the one have become those of the other.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

import msgspec

from penstock.wire.blocks import BlockDocument
from penstock.wire.model import encode

Ids = Mapping[str, str]
"""What an id of the one server is on the other."""
T = TypeVar("T")

HIDDEN = "********"
"""What a server shows in the place of a secret."""
ACTIVE_LABEL = "penstock.import.active"
"""Marks what was active where it came from and was copied switched off: a deployment's label, an automation's tag."""
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_FIRST = "DTSTART:20200101T000000\n"
"""Where a rule begins that does not say so; some servers write it down."""
_OWN_LABELS = ("penstock.", "prefect.flow.")


class CopyState(StrEnum):
    """How a record of the one server stands to the other."""

    NEW = "new"
    SAME = "same"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True)
class Found:
    """A record of a server. Its value may hold secrets, so it is not shown."""

    key: str
    id: UUID
    value: Any = field(repr=False)
    by_content: bool = False
    """Whether two with this key are the same only when their bodies are equal."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record of the one server beside its counterpart on the other."""

    kind: str
    name: str
    state: CopyState
    source: Found
    target: Found | None = None


def repointed(value: T, ids: Ids) -> T:
    """The value with every id in it, also within texts and keys' values, become that of the other server."""
    plain = _repointed(msgspec.to_builtins(value), ids)
    return msgspec.convert(plain, type(value))


def comparable(body: Any, ignored: Sequence[str] = ()) -> Any:
    """A body as it is compared: what is not said, null and empty are the same thing."""
    plain = msgspec.to_builtins(body)
    return {name: value for name, value in plain.items() if name not in ignored and not _says_nothing(value)}


def schedule_of(raw: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule in one spelling: what each server leaves out or writes otherwise is the same."""
    done = {name: value for name, value in raw.items() if value is not None}
    if "interval" in done:
        done["interval"] = float(done["interval"])
        moment = datetime.fromisoformat(str(done["anchor_date"]))
        done["anchor_date"] = moment.astimezone(UTC).isoformat()
    if "rrule" in done:
        done["rrule"] = str(done["rrule"]).removeprefix(_FIRST)
    if "cron" in done:
        done.setdefault("day_or", True)
    done.setdefault("timezone", "UTC")
    return done


def own_labels(labels: Mapping[str, Any] | None) -> dict[str, Any]:
    """The labels that somebody gave, without those that servers and deploys add."""
    return {name: value for name, value in (labels or {}).items() if not name.startswith(_OWN_LABELS)}


def without_ids(trigger: Any) -> Any:
    """A trigger without the ids that each server gives its parts, and without what is left to chance or null."""
    if isinstance(trigger, dict):
        return {name: without_ids(one) for name, one in trigger.items() if name != "id" and one is not None}
    return [without_ids(one) for one in trigger] if isinstance(trigger, list) else trigger


def inner_first(documents: Iterable[BlockDocument]) -> list[BlockDocument]:
    """Documents in such an order that each comes after those it refers to."""
    known = {one.id: one for one in documents}
    done: dict[UUID, BlockDocument] = {}

    def put(one: BlockDocument, above: frozenset[UUID] = frozenset()) -> None:
        for inner in references_of(one).values():
            if inner in known and inner not in done and inner not in above:
                put(known[inner], above | {one.id})
        done[one.id] = one

    for one in known.values():
        if one.id not in done:
            put(one)
    return list(done.values())


def references_of(document: BlockDocument) -> dict[str, UUID]:
    """Which fields of a block stand for other blocks."""
    return {name: UUID(str(one["block_document"]["id"])) for name, one in document.block_document_references.items()}


def data_of(document: BlockDocument) -> dict[str, Any]:
    """A block's data as it is written: blocks in it are references."""
    references = {name: {"$ref": {"block_document_id": str(id)}} for name, id in references_of(document).items()}
    return {**document.data, **references}


def hides(value: Any) -> bool:
    """Whether a secret in the value was kept back by its server."""
    if isinstance(value, dict):
        return any(hides(one) for one in value.values())
    return any(map(hides, value)) if isinstance(value, list) else value == HIDDEN


def ids_in(*values: Any) -> set[str]:
    """All ids that are named anywhere in the values."""
    return {found.lower() for value in values for found in _UUID.findall(encode(value).decode())}


def stand(source: Found, wanted: Any, there: Sequence[tuple[Found, Any]]) -> tuple[CopyState, Found | None]:
    """How a record stands to those with its key on the other server, given with their bodies; and which it is."""
    for found, body in there:
        if body == wanted:
            return CopyState.SAME, found
    return (CopyState.DIFFERENT, there[0][0]) if there and not source.by_content else (CopyState.NEW, None)


def _repointed(value: Any, ids: Ids) -> Any:
    if isinstance(value, str):
        return _UUID.sub(lambda found: ids.get(found[0].lower(), found[0]), value) if len(value) >= 36 else value
    if isinstance(value, dict):
        return {name: _repointed(one, ids) for name, one in value.items()}
    return [_repointed(one, ids) for one in value] if isinstance(value, list) else value


def _says_nothing(value: Any) -> bool:
    return value is None or value in ("", [], {})


def counts(items: Iterable[Item]) -> Iterator[tuple[str, dict[CopyState, int]]]:
    """For each kind in its order, how many records stand how."""
    found: dict[str, dict[CopyState, int]] = {}
    for one in items:
        kind = found.setdefault(one.kind, dict.fromkeys(CopyState, 0))
        kind[one.state] += 1
    yield from found.items()
