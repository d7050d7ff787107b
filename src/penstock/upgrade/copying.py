"""Copies what a server is set up with to another one: blocks, variables, limits, pools, queues, flows, deployments,
automations. Not its history.

    copy = look(source, target)
    for outcome in carry_out(copy, target, Wishes()):
        ...

Nothing is written by `look`. A second copy finds what the first one made, so it is safe to repeat. The values in
between hold the source's secrets; nothing here shows or logs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from msgspec.structs import replace

from penstock.client.client import Client
from penstock.core.server_copies import (
    ACTIVE_LABEL,
    CopyState,
    Found,
    Item,
    comparable,
    hides,
    ids_in,
    repointed,
    stand,
)
from penstock.errors import PenstockError, ServerUnreachable, Unauthorized
from penstock.upgrade.copied_kinds import KINDS, Kind
from penstock.wire.automations import AutomationCreate
from penstock.wire.deployments import DeploymentCreate

_STOP = (Unauthorized, ServerUnreachable)
"""After these, the next record would fare no better."""


class CopyOutcome(StrEnum):
    """What became of a record."""

    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"
    LEFT = "left as is"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a copy is written."""

    update: bool = False
    """Whether what is there already and differs becomes like its source; else it is left."""
    keep_active: bool = False
    """Whether schedules and automations begin to act at once, though they still do where they came from."""


@dataclass(frozen=True, slots=True)
class Copy:
    """What there is to be copied, beside what is there already."""

    items: list[Item] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)
    """What is known by now of ids: that of the source -> that of the target."""
    twins: dict[str, list[str]] = field(default_factory=dict)
    """The ids of records without a name that are equal to an earlier one, by its id: they are copied once."""

    def of(self, state: CopyState) -> list[Item]:
        """The items in a state."""
        return [one for one in self.items if one.state is state]

    def take_for(self, twin: Found, first: Found) -> None:
        """Takes a record for an earlier one that is equal."""
        self.twins.setdefault(str(first.id), []).append(str(twin.id))
        if str(first.id) in self.ids:
            self.ids[str(twin.id)] = self.ids[str(first.id)]


@dataclass(frozen=True, slots=True)
class Copied:
    """What became of an item; `reason` says why, where it is not as it should be."""

    item: Item
    outcome: CopyOutcome
    reason: str = ""


def look(source: Client, target: Client, kinds: Sequence[Kind] = KINDS) -> Copy:
    """Reads both servers and compares; writes nothing."""
    here = {kind.name: kind.read(source) for kind in kinds}
    needed = _named_by_others(here)
    copy = Copy()
    for kind in kinds:
        there = _by_key(kind, kind.read(target))
        firsts: dict[str, Found] = {}
        for found in here[kind.name]:
            if found.by_content and kind.name == "block" and str(found.id) not in needed:
                continue  # an anonymous block that nothing refers to any more
            wanted = comparable(repointed(kind.body(found.value), copy.ids), kind.ignored)
            first = firsts.setdefault(f"{found.key} {wanted}", found)
            if found.by_content and first is not found:
                copy.take_for(found, first)
                continue
            state, same = stand(found, wanted, there.get(found.key, []))
            if same is not None:
                copy.ids[str(found.id)] = str(same.id)
            never_differs = kind.update is None and same is not None
            copy.items.append(Item(kind.name, found.key, CopyState.SAME if never_differs else state, found, same))
    return copy


def carry_out(copy: Copy, target: Client, wishes: Wishes, kinds: Sequence[Kind] = KINDS) -> Iterator[Copied]:
    """Writes the copy, record by record, and says what became of each; one that fails keeps no other from being tried.

    Raises what would happen to every record: a server that is gone, or wants other credentials.
    """
    known = {kind.name: kind for kind in kinds}
    ids = dict(copy.ids)
    for item in copy.items:
        try:
            yield _write(known[item.kind], item, target, wishes, ids)
            for twin in copy.twins.get(str(item.source.id), ()):
                ids[twin] = ids[str(item.source.id)]
        except _STOP:
            raise
        except PenstockError as error:
            yield Copied(item, CopyOutcome.FAILED, error.message)


def _write(kind: Kind, item: Item, target: Client, wishes: Wishes, ids: dict[str, str]) -> Copied:
    if item.state is CopyState.SAME or (item.state is CopyState.DIFFERENT and not wishes.update):
        outcome = CopyOutcome.UNCHANGED if item.state is CopyState.SAME else CopyOutcome.LEFT
        return Copied(item, outcome)
    body = repointed(kind.body(item.source.value), ids)
    if item.kind == "block" and hides(body.data):
        reason = "the server it comes from shows its secrets as stars; the key that it was asked with may not read them"
        return Copied(item, CopyOutcome.FAILED, reason)
    if item.target is not None:
        if kind.update is not None:
            kind.update(target, item.target, body)
        return Copied(item, CopyOutcome.UPDATED)
    ids[str(item.source.id)] = str(
        kind.create(target, body if wishes.keep_active else _at_rest(body), item.source.value)
    )
    return Copied(item, CopyOutcome.CREATED)


def _at_rest(body: Any) -> Any:
    """A body of something that does not act by itself yet, marked when it would have."""
    if isinstance(body, DeploymentCreate) and not body.paused and any(one.active for one in body.schedules):
        return replace(body, paused=True, labels={**(body.labels or {}), ACTIVE_LABEL: True})
    if isinstance(body, AutomationCreate) and body.enabled:
        return replace(body, enabled=False, tags=[*body.tags, ACTIVE_LABEL])
    return body


def _by_key(kind: Kind, records: Sequence[Found]) -> dict[str, list[tuple[Found, Any]]]:
    found: dict[str, list[tuple[Found, Any]]] = {}
    for one in records:
        found.setdefault(one.key, []).append((one, comparable(kind.body(one.value), kind.ignored)))
    return found


def _named_by_others(records: dict[str, list[Found]]) -> set[str]:
    """The ids that are named by a record other than the one they are of."""
    return {
        id
        for name, several in records.items()
        if name not in ("block type", "block schema")
        for one in several
        for id in ids_in(one.value) - {str(one.id)}
    }
