"""Block schemas."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Answer, Request, handles
from penstock.store.block_schemas import (
    create_block_schema,
    delete_block_schema,
    list_block_schemas,
    list_capabilities,
    read_block_schema,
    read_by_checksum,
)
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockSchema, BlockSchemaCreate
from penstock.wire.model import Criteria


@handles(wire.create_block_schema)
async def create(at: Request, body: BlockSchemaCreate) -> Answer[BlockSchema]:
    """Gives the schema with these fields, made by this call (201) or before (200).

    Schemas of protected types are taken too: a client's own texts are part of its checksum, so the
    built-in schemas can't be known by it (docs/compatibility.md).
    """
    schema, made = await at.store.write(create_block_schema(body, at.now))
    return Answer(schema, 201 if made else 200)


@handles(wire.filter_block_schemas)
async def list_schemas(at: Request, body: Criteria) -> list[BlockSchema]:
    """Schemas that a filter finds, the newest first."""
    return await at.store.scan(list_block_schemas(body, at.store.dialect))


@handles(wire.read_block_schema_by_checksum)
async def by_checksum(at: Request, checksum: str) -> BlockSchema:
    """A schema by its checksum, of one version or the newest."""
    return _found(await at.store.read(read_by_checksum(checksum, at.query.get("version"))))


@handles(wire.read_block_schema)
async def read(at: Request, id: UUID) -> BlockSchema:
    """A schema by its id."""
    return _found(await at.store.read(read_block_schema(id)))


@handles(wire.delete_block_schema)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a schema with its documents."""
    await at.store.write(delete_block_schema(id))


@handles(wire.read_block_capabilities)
async def capabilities(at: Request) -> list[str]:
    """All capabilities that any schema names."""
    return await at.store.scan(list_capabilities())


def _found(schema: BlockSchema | None) -> BlockSchema:
    if schema is None:
        raise NotFound("Block schema not found")
    return schema
