"""The credentials block of a provisioned pool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from penstock.client.client import Client
from penstock.errors import NotFound, PenstockError
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockDocument, BlockDocumentCreate
from penstock.wire.model import Criteria


def find_block(client: Client, block_type: str, name: str) -> BlockDocument | None:
    """The block of that type and name, or None."""
    try:
        return client.call(wire.read_block_document_by_name, slug=block_type, block_document_name=name)
    except NotFound:
        return None


def create_block(client: Client, block_type: str, name: str, data: Mapping[str, Any]) -> BlockDocument:
    """Saves the credentials; the server seals what is secret."""
    kind = client.call(wire.read_block_type_by_slug, slug=block_type)
    filters = Criteria(block_schemas={"block_type_id": {"any_": [str(kind.id)]}})
    schemas = client.call(wire.filter_block_schemas, filters)
    if not schemas:
        raise PenstockError(f"The server knows the block type {block_type!r} without any schema of it.")
    body = BlockDocumentCreate(name=name, data=dict(data), block_type_id=kind.id, block_schema_id=schemas[0].id)
    return client.call(wire.create_block_document, body)


def reference(block: BlockDocument) -> dict[str, Any]:
    """How a template refers to it."""
    return {"$ref": {"block_document_id": str(block.id)}}
