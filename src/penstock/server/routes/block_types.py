"""Block types, and the documents of one."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import Forbidden, NotFound
from penstock.server.bind import Encoded, Request, handles
from penstock.server.blocks import install_block_types, seal_for
from penstock.server.naming import check_name
from penstock.store.block_documents import list_documents, read_document_by_name, select_documents
from penstock.store.block_types import TYPES, create_block_type, delete_block_type, update_block_type
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockDocument, BlockType, BlockTypeCreate, BlockTypeUpdate
from penstock.wire.model import Criteria

RESERVED = "prefect"


@handles(wire.create_block_type)
async def create(at: Request, body: BlockTypeCreate) -> BlockType:
    """Makes a block type."""
    check_name(body.name)
    if body.name.lower().startswith(RESERVED):
        raise Forbidden("A block type of your own may not have a name that begins with 'Prefect'.")
    made, events = await at.store.write(create_block_type(body, at.now))
    at.hub.publish_events(events)
    return made


@handles(wire.filter_block_types)
async def list_types(at: Request, body: Criteria) -> Encoded:
    """Block types that a filter finds, by name."""
    return Encoded(await at.store.scan(TYPES.list(body, at.store.dialect, most=at.most)))


@handles(wire.read_block_type_by_slug)
async def read_by_slug(at: Request, slug: str) -> Encoded:
    """A block type by its slug."""
    return _found(await at.store.read(TYPES.read(slug, "slug")))


@handles(wire.read_block_type)
async def read(at: Request, id: UUID) -> Encoded:
    """A block type by its id."""
    return _found(await at.store.read(TYPES.read(id)))


@handles(wire.update_block_type)
async def update(at: Request, body: BlockTypeUpdate, id: UUID) -> None:
    """Changes a block type's texts and pictures, as each client does with its own."""
    at.hub.publish_events(await at.store.write(update_block_type(id, body, at.now)))


@handles(wire.delete_block_type)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a block type with its schemas and documents."""
    at.hub.publish_events(await at.store.write(delete_block_type(id, at.now)))


@handles(wire.documents_of_block_type)
async def documents(at: Request, slug: str) -> list[BlockDocument]:
    """The named documents of a block type."""
    _found(await at.store.read(TYPES.read(slug, "slug")))
    wanted = Criteria(block_types={"slug": {"any_": [slug]}})
    seal = await seal_for(at.store, at.settings)
    selection = select_documents(wanted, at.store.dialect)
    return await at.store.scan(list_documents(selection, seal, secrets=with_secrets(at)))


@handles(wire.read_block_document_by_name)
async def document_by_name(at: Request, slug: str, block_document_name: str) -> BlockDocument:
    """A document by its type's slug and its name."""
    seal = await seal_for(at.store, at.settings)
    found = await at.store.read(read_document_by_name(slug, block_document_name, seal, secrets=with_secrets(at)))
    if found is None:
        raise NotFound("Block document not found")
    return found


@handles(wire.install_system_block_types)
async def install(at: Request) -> None:
    """Makes the built-in block types that are missing."""
    await install_block_types(at.store, at.now)


def with_secrets(at: Request) -> bool:
    """Whether the request asks for secrets as they are."""
    return at.query.get("include_secrets", "").lower() in ("true", "1", "yes", "on")


def _found(block_type: bytes | None) -> Encoded:
    if block_type is None:
        raise NotFound("Block type not found")
    return Encoded(block_type)
