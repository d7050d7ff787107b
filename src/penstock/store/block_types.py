"""Block types: what kinds of blocks there are."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import asdict, replace

from penstock.errors import Conflict, Forbidden, NotFound
from penstock.ids import new_id
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents
from penstock.store.events import emit, event_of
from penstock.store.statements import load
from penstock.wire.blocks import BlockType, BlockTypeCreate, BlockTypeUpdate
from penstock.wire.events import ReceivedEvent

TYPES = Documents("block_types", BlockType, columns=("name", "slug"), unique=("slug",))
SQL = load("blocks")

Events = list[ReceivedEvent]


@intent
def create_block_type(wanted: BlockTypeCreate, now: datetime) -> Steps[tuple[BlockType, Events]]:
    """Makes a block type; `Conflict` when its slug is taken."""
    made = BlockType(id=new_id(), created=now, updated=now, **asdict(wanted))
    if not (yield TYPES.insert(made)):
        raise Conflict("Block type already exists")
    return made, [(yield from _emit("created", made, now))]


@intent
def update_block_type(id: UUID, change: BlockTypeUpdate, now: datetime) -> Steps[Events]:
    """Changes what is given of a block type; nothing is written or told when that is how it was."""
    known = yield from TYPES.find(id)
    if known is None:
        raise NotFound("Block type not found")
    given: dict[str, Any] = {name: value for name, value in asdict(change).items() if value is not UNSET}
    if all(getattr(known, name) == value for name, value in given.items()):
        return []
    changed = replace(known, updated=now, **given)
    yield TYPES.replace(changed)
    return [(yield from _emit("updated", changed, now))]


@intent
def delete_block_type(id: UUID, now: datetime) -> Steps[Events]:
    """Deletes a block type with its schemas and documents; `Forbidden` for a protected one."""
    known = yield from TYPES.find(id)
    if known is None:
        raise NotFound("Block type not found")
    if known.is_protected:
        raise Forbidden("A protected block type is not deleted.")
    for query in (SQL.delete_references_of_type, SQL.delete_documents_of_type, SQL.delete_schemas_of_type):
        yield query(block_type_id=str(id))
    yield TYPES.remove(id)
    return [(yield from _emit("deleted", known, now))]


def _emit(what: str, one: BlockType, now: datetime) -> Steps[ReceivedEvent]:
    told = ("name", "slug", "logo_url", "documentation_url", "description", "code_example", "is_protected")
    payload = {name: getattr(one, name) for name in told}
    event = event_of(f"prefect.block-type.{what}", "block-type", one.id, now=now, label=one.name, payload=payload)
    yield emit(event)
    return event
