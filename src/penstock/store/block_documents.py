"""Block documents: the configured blocks. Their data is sealed; a block in a block is a reference."""

from __future__ import annotations

import dataclasses
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from penstock.clock import to_micros
from penstock.core.block_schemas import obfuscated, restored, shown
from penstock.errors import BadRequest, Conflict, NotFound
from penstock.ids import new_id
from penstock.store.block_schemas import SCHEMAS
from penstock.store.block_types import TYPES
from penstock.store.database import Intent, Row, Steps, intent
from penstock.store.documents import number_of
from penstock.store.events import emit, event_of, related
from penstock.store.filters import Selection, select
from penstock.store.sealing import Seal
from penstock.store.statements import load
from penstock.wire.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate, BlockSchema, BlockType
from penstock.wire.events import ReceivedEvent
from penstock.wire.model import Criteria, encode

SQL = load("blocks")
DEEPEST = 16
"""How many blocks may be nested in each other."""

Json = dict[str, Any]
Target = tuple[str, str]
"""A name in a document's data, and the id of the document that stands there."""

_decode = msgspec.json.Decoder(BlockDocument).decode
_JOINED = (
    "doc, data, (select s.doc from block_schemas s where s.id = block_documents.block_schema_id),"
    " (select t.doc from block_types t where t.id = block_documents.block_type_id), block_documents.id"
)


@intent
def create_document(
    wanted: BlockDocumentCreate, seal: Seal, now: datetime
) -> Steps[tuple[BlockDocument, ReceivedEvent]]:
    """Makes a document; `Conflict` when the type has one of that name, or the schema or type is unknown."""
    id = new_id()
    schema, block_type = yield from _kind(wanted.block_schema_id)
    if block_type.id != wanted.block_type_id:
        raise Conflict("Data integrity conflict: the block schema belongs to another block type.")
    document = BlockDocument(
        id=id,
        block_schema_id=wanted.block_schema_id,
        block_type_id=block_type.id,
        created=now,
        updated=now,
        name=wanted.name or f"anonymous-{id}",
        is_anonymous=wanted.is_anonymous,
    )
    data, references = _separated(wanted.data)
    if not (yield SQL.create_document(**_row(document, data, seal), **_kept(document, block_type))):
        raise Conflict("Block already exists")
    yield from _refer(id, references)
    event = _event("created", document, data, schema, block_type, now)
    yield emit(event)
    return (yield from _read((yield SQL.document_by_id(id=str(id)))[0], seal, secrets=False)), event


@intent
def update_document(id: UUID, change: BlockDocumentUpdate, seal: Seal, now: datetime) -> Steps[ReceivedEvent]:
    """Changes a document's data or schema; hidden secrets that come back stay as they were."""
    yield SQL.lock_document(id=str(id))
    rows = yield SQL.document_by_id(id=str(id))
    if not rows:
        raise NotFound("Block document not found")
    document, before, schema, block_type = _parts(rows[0], seal)
    references = {row[0]: row[1] for row in (yield SQL.read_references(parent_id=str(id)))}
    if isinstance(change.block_schema_id, UUID):
        schema, new_type = yield from _kind(change.block_schema_id)
        if new_type.id != block_type.id:
            raise BadRequest("The new schema of a block document must be of the block's own type.")
        document = replace(document, block_schema_id=schema.id)
    data = before
    if change.data is not UNSET:
        merge = change.merge_existing_data is not False
        given, given_references = _separated(restored(change.data, before, schema.fields))
        data = {**before, **given} if merge else given
        kept = {name: one for name, one in references.items() if merge and name not in given}
        references = {**kept, **given_references}
        data = {name: value for name, value in data.items() if name not in references}
    document = replace(document, updated=now)
    yield SQL.update_document(**_row(document, data, seal))
    yield SQL.drop_own_references(id=str(id))
    yield from _refer(id, references)
    event = _event("updated", document, data, schema, block_type, now)
    yield emit(event)
    return event


@intent
def delete_document(id: UUID, seal: Seal, now: datetime) -> Steps[ReceivedEvent]:
    """Deletes a document, and it from those that refer to it."""
    rows = yield SQL.document_by_id(id=str(id))
    if not rows:
        raise NotFound("Block document not found")
    document, data, schema, block_type = _parts(rows[0], seal)
    yield SQL.drop_references(id=str(id))
    yield SQL.delete_document(id=str(id))
    event = _event("deleted", document, data, schema, block_type, now)
    yield emit(event)
    return event


@intent
def read_document(id: UUID, seal: Seal, *, secrets: bool) -> Steps[BlockDocument | None]:
    """A document by id, with the blocks in it."""
    rows = yield SQL.document_by_id(id=str(id))
    return (yield from _read(rows[0], seal, secrets=secrets)) if rows else None


@intent
def read_document_by_name(slug: str, name: str, seal: Seal, *, secrets: bool) -> Steps[BlockDocument | None]:
    """A document by its type's slug and its name."""
    rows = yield SQL.document_by_name(slug=slug, name=name)
    return (yield from _read(rows[0], seal, secrets=secrets)) if rows else None


@intent
def list_documents(selection: Selection, seal: Seal, *, secrets: bool) -> Steps[list[BlockDocument]]:
    """Documents that a filter finds."""
    rows = yield selection.rows(_JOINED)
    targets: defaultdict[str, list[Target]] = defaultdict(list)
    for parent, name, target in (yield SQL.read_references_of(ids=json.dumps([row[-1] for row in rows]))):
        targets[parent].append((name, target))
    documents = []
    for row in rows:
        documents.append((yield from _whole(row, targets[row[-1]], seal, secrets=secrets)))
    return documents


def select_documents(criteria: Criteria, dialect: str) -> Selection:
    """What a filter finds; anonymous documents only when it asks for them."""
    selection = select("block_documents", criteria, dialect)
    if "is_anonymous" in (criteria.block_documents or {}):
        return selection
    return dataclasses.replace(selection, where=f"({selection.where}) and not block_documents.is_anonymous")


def count_documents(criteria: Criteria, dialect: str) -> Intent[int]:
    """How many documents a filter finds."""
    return number_of(select_documents(criteria, dialect))


def _kind(schema_id: UUID) -> Steps[tuple[BlockSchema, BlockType]]:
    rows = yield SQL.schema_by_id(id=str(schema_id))
    if not rows or not rows[0][1]:
        raise Conflict(f"Data integrity conflict: there is no block schema {schema_id}.")
    return SCHEMAS.decode(rows[0][0]), TYPES.decode(rows[0][1])


def _parts(row: Row, seal: Seal) -> tuple[BlockDocument, Json, BlockSchema, BlockType]:
    document = _decode(row[0])
    data = msgspec.json.decode(seal.open(row[1], str(document.id)))
    return document, data, SCHEMAS.decode(row[2]), TYPES.decode(row[3])


def _read(row: Row, seal: Seal, *, secrets: bool, depth: int = 0) -> Steps[BlockDocument]:
    """The document of a row of `document_by_id`, once it is known which blocks it refers to."""
    targets = [(name, target) for name, target in (yield SQL.read_references(parent_id=row[-1]))]
    return (yield from _whole(row, targets, seal, secrets=secrets, depth=depth))


def _whole(row: Row, targets: Sequence[Target], seal: Seal, *, secrets: bool, depth: int = 0) -> Steps[BlockDocument]:
    """The document of a row with schema, type, and the data of the blocks it refers to."""
    document, data, schema, block_type = _parts(row, seal)
    if not secrets:
        data = obfuscated(data, schema.fields)
    references: dict[str, Json] = {}
    for name, target in targets:
        inner_rows = yield SQL.document_by_id(id=target)
        if not inner_rows or depth >= DEEPEST:
            continue
        inner = yield from _read(inner_rows[0], seal, secrets=secrets, depth=depth + 1)
        data[name] = inner.data
        references[name] = {"block_document": _reference(inner)}
    return replace(
        document,
        data=data,
        block_schema=replace(schema, block_type=block_type),
        block_type=block_type,
        block_type_name=block_type.name,
        block_document_references=references,
    )


def _reference(inner: BlockDocument) -> Json:
    return {
        "id": inner.id,
        "name": inner.name,
        "block_type": inner.block_type,
        "is_anonymous": inner.is_anonymous,
        "block_document_references": inner.block_document_references,
    }


def _separated(data: Mapping[str, Any]) -> tuple[Json, dict[str, str]]:
    """The data itself, and which of its names stand for other documents."""
    references = {
        name: str(value["$ref"]["block_document_id"])
        for name, value in data.items()
        if isinstance(value, dict) and isinstance(value.get("$ref"), dict) and "block_document_id" in value["$ref"]
    }
    return {name: value for name, value in data.items() if name not in references}, references


def _refer(id: UUID, references: Mapping[str, str]) -> Steps[None]:
    for target in references.values():
        if not (yield SQL.document_by_id(id=target)):
            raise Conflict(f"Data integrity conflict: there is no block document {target}.")
    yield SQL.add_references.each(
        [{"parent_id": str(id), "name": name, "referenced_id": target} for name, target in references.items()]
    )


def _row(document: BlockDocument, data: Json, seal: Seal) -> Json:
    return {
        "id": str(document.id),
        "block_schema_id": str(document.block_schema_id),
        "updated": to_micros(document.updated) if document.updated else 0,
        "doc": encode(document).decode(),
        "data": seal.seal(encode(data), str(document.id)),
    }


def _kept(document: BlockDocument, block_type: BlockType) -> Json:
    """The columns that never change."""
    return {
        "name": document.name,
        "block_type_id": str(document.block_type_id),
        "block_type_name": block_type.name,
        "is_anonymous": document.is_anonymous,
        "created": to_micros(document.created) if document.created else 0,
    }


def _event(
    what: str, document: BlockDocument, data: Json, schema: BlockSchema, block_type: BlockType, now: datetime
) -> ReceivedEvent:
    payload = {
        "name": document.name,
        "data": shown(data, schema.fields),
        "block_schema": {
            "capabilities": schema.capabilities,
            "block_type": {"id": block_type.id, "name": block_type.name},
        },
    }
    context = [
        related("block-type", block_type.id, "block-type", block_type.name),
        related("block-schema", schema.id, "block-schema"),
    ]
    name = f"prefect.block-document.{what}"
    return event_of(name, "block-document", document.id, now=now, label=document.name, payload=payload, related=context)
