"""Block schemas: the fields of a block type, known by their checksum."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import asdict, replace

from penstock.core.block_schemas import checksum
from penstock.errors import Conflict, Forbidden, NotFound
from penstock.ids import new_id
from penstock.store.block_types import TYPES
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents
from penstock.store.filters import select
from penstock.store.statements import load
from penstock.wire.blocks import BlockSchema, BlockSchemaCreate, BlockType
from penstock.wire.model import Criteria

SCHEMAS = Documents("block_schemas", BlockSchema, columns=("checksum", "version", "block_type_id", "capabilities"))
SQL = load("blocks")
_WITH_TYPE = "doc, (select t.doc from block_types t where t.id = block_schemas.block_type_id)"


@intent
def create_block_schema(wanted: BlockSchemaCreate, now: datetime) -> Steps[tuple[BlockSchema, bool]]:
    """The schema with the checksum of the fields, made if need be; and whether it was made."""
    made = BlockSchema(id=new_id(), checksum=checksum(wanted.fields), created=now, updated=now, **asdict(wanted))
    types = yield TYPES.fetch(wanted.block_type_id)
    if not types:
        raise Conflict(f"Data integrity conflict: there is no block type {wanted.block_type_id}.")
    if (yield SCHEMAS.insert(made)):
        return replace(made, block_type=TYPES.decode(types[0][0])), True
    rows = yield SQL.schema_by_checksum(checksum=made.checksum, version=made.version)
    return with_type(rows[0]), False


@intent
def read_block_schema(id: UUID) -> Steps[BlockSchema | None]:
    """A schema by id."""
    rows = yield SQL.schema_by_id(id=str(id))
    return with_type(rows[0]) if rows else None


@intent
def read_by_checksum(checksum: str, version: str | None) -> Steps[BlockSchema | None]:
    """The newest schema with a checksum, of one version or any."""
    if version is None:
        rows = yield SQL.schema_by_checksum_only(checksum=checksum)
    else:
        rows = yield SQL.schema_by_checksum(checksum=checksum, version=version)
    return with_type(rows[0]) if rows else None


@intent
def list_block_schemas(criteria: Criteria, dialect: str) -> Steps[list[BlockSchema]]:
    """Schemas that a filter finds, the newest first."""
    return [with_type(row) for row in (yield select("block_schemas", criteria, dialect).rows(_WITH_TYPE))]


@intent
def delete_block_schema(id: UUID) -> Steps[None]:
    """Deletes a schema with its documents; `Forbidden` for one of a protected type."""
    rows = yield SQL.schema_by_id(id=str(id))
    if not rows:
        raise NotFound("Block schema not found")
    block_type = with_type(rows[0]).block_type
    if block_type is not None and block_type.is_protected:
        raise Forbidden("A schema of a protected block type is not deleted.")
    yield SQL.delete_references_of_schema(block_schema_id=str(id))
    yield SQL.delete_documents_of_schema(block_schema_id=str(id))
    yield SCHEMAS.remove(id)


@intent
def list_capabilities() -> Steps[list[str]]:
    """All capabilities that any schema names."""
    rows = yield SQL.all_capabilities()
    return sorted({name for row in rows for name in json.loads(row[0])})


@intent
def install(types: Sequence[tuple[BlockType, BlockSchemaCreate]], now: datetime) -> Steps[None]:
    """Makes the block types that the server brings along, and their schemas, where they are missing."""
    for wanted, schema in types:
        yield TYPES.insert(wanted)
        known = TYPES.decode((yield TYPES.fetch(wanted.slug, "slug"))[0][0])
        yield from create_block_schema(replace(schema, block_type_id=known.id), now)


def with_type(row: Sequence[Any]) -> BlockSchema:
    """A schema from its document and that of its type."""
    schema = SCHEMAS.decode(row[0])
    return replace(schema, block_type=TYPES.decode(row[1])) if row[1] else schema
