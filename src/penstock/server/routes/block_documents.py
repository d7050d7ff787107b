"""Block documents."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Request, handles
from penstock.server.blocks import seal_for
from penstock.server.bodies import BodyInvalid
from penstock.server.naming import check_name
from penstock.server.routes.block_types import with_secrets
from penstock.store.block_documents import (
    count_documents,
    create_document,
    delete_document,
    list_documents,
    read_document,
    select_documents,
    update_document,
)
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate
from penstock.wire.model import Criteria


@handles(wire.create_block_document)
async def create(at: Request, body: BlockDocumentCreate) -> BlockDocument:
    """Makes a document; its secrets come back hidden."""
    check_name(body.name)
    if body.name is None and not body.is_anonymous:
        raise BodyInvalid("value_error", (), "Value error, a block document needs a name, or is_anonymous.")
    seal = await seal_for(at.store, at.settings)
    document, event = await at.store.write(create_document(body, seal, at.now))
    at.hub.publish_events([event])
    return document


@handles(wire.filter_block_documents)
async def list_all(at: Request, body: Criteria) -> list[BlockDocument]:
    """Documents that a filter finds; anonymous ones only when it asks for them."""
    seal = await seal_for(at.store, at.settings)
    selection = select_documents(body, at.store.dialect)
    return await at.store.scan(list_documents(selection, seal, secrets=bool(body.include_secrets)))


@handles(wire.count_block_documents)
async def count(at: Request, body: Criteria) -> int:
    """How many documents a filter finds."""
    return await at.store.scan(count_documents(body, at.store.dialect))


@handles(wire.read_block_document)
async def read(at: Request, id: UUID) -> BlockDocument:
    """A document by its id."""
    seal = await seal_for(at.store, at.settings)
    found = await at.store.read(read_document(id, seal, secrets=with_secrets(at)))
    if found is None:
        raise NotFound("Block document not found")
    return found


@handles(wire.update_block_document)
async def update(at: Request, body: BlockDocumentUpdate, id: UUID) -> None:
    """Changes a document."""
    seal = await seal_for(at.store, at.settings)
    at.hub.publish_events([await at.store.write(update_document(id, body, seal, at.now))])


@handles(wire.delete_block_document)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a document."""
    seal = await seal_for(at.store, at.settings)
    at.hub.publish_events([await at.store.write(delete_document(id, seal, at.now))])
