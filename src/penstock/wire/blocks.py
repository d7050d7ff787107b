"""Blocks: typed, stored configuration; types, schemas and documents."""

from __future__ import annotations

from datetime import datetime
from types import NoneType
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import Criteria, Model, Write


class BlockType(Model):
    """A kind of block."""

    id: UUID
    name: str
    slug: str
    created: datetime | None = None
    updated: datetime | None = None
    logo_url: str | None = None
    documentation_url: str | None = None
    description: str | None = None
    code_example: str | None = None
    is_protected: bool = False


class BlockTypeCreate(Write):
    """A new kind of block."""

    name: str
    slug: str
    logo_url: str | None = None
    documentation_url: str | None = None
    description: str | None = None
    code_example: str | None = None


class BlockTypeUpdate(Write):
    """Changes how a kind of block is presented."""

    logo_url: str | UnsetType | None = UNSET
    documentation_url: str | UnsetType | None = UNSET
    description: str | UnsetType | None = UNSET
    code_example: str | UnsetType | None = UNSET


class BlockSchema(Model):
    """The fields of a block type at one version, by checksum."""

    id: UUID
    checksum: str
    block_type_id: UUID | None
    created: datetime | None = None
    updated: datetime | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    block_type: BlockType | None = None
    capabilities: list[str] = field(default_factory=list)
    version: str = "non-versioned"


class BlockSchemaCreate(Write):
    """A schema to keep."""

    block_type_id: UUID
    fields: dict[str, Any] = field(default_factory=dict)
    capabilities: list[str] = field(default_factory=list)
    version: str = "non-versioned"


class BlockDocument(Model):
    """A stored block; secrets are `********` unless asked for."""

    id: UUID
    block_schema_id: UUID
    block_type_id: UUID
    created: datetime | None = None
    updated: datetime | None = None
    name: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    block_schema: BlockSchema | None = None
    block_type_name: str | None = None
    block_type: BlockType | None = None
    block_document_references: dict[str, dict[str, Any]] = field(default_factory=dict)
    is_anonymous: bool = False


class BlockDocumentCreate(Write):
    """A block to store."""

    block_schema_id: UUID
    block_type_id: UUID
    name: str | None = None
    data: dict[str, Any] = field(default_factory=dict)
    is_anonymous: bool = False


class BlockDocumentUpdate(Write):
    """Changes a stored block, merging unless told not to."""

    block_schema_id: UUID | UnsetType | None = UNSET
    data: dict[str, Any] | UnsetType = UNSET
    merge_existing_data: bool | UnsetType = UNSET


create_block_type = post("/block_types/", body=BlockTypeCreate, returns=BlockType, status=201)
filter_block_types = post("/block_types/filter", body=Criteria, returns=list[BlockType])
read_block_type_by_slug = get("/block_types/slug/{slug}", returns=BlockType)
documents_of_block_type = get(
    "/block_types/slug/{slug}/block_documents", returns=list[BlockDocument], query=("include_secrets",)
)
read_block_document_by_name = get(
    "/block_types/slug/{slug}/block_documents/name/{block_document_name}",
    returns=BlockDocument,
    query=("include_secrets",),
)
read_block_type = get("/block_types/{id}", returns=BlockType)
update_block_type = patch("/block_types/{id}", body=BlockTypeUpdate)
delete_block_type = delete("/block_types/{id}")
install_system_block_types = post("/block_types/install_system_block_types", body=NoneType, returns=NoneType)
create_block_schema = post("/block_schemas/", body=BlockSchemaCreate, returns=BlockSchema, status=201)
filter_block_schemas = post("/block_schemas/filter", body=Criteria, returns=list[BlockSchema])
read_block_schema_by_checksum = get("/block_schemas/checksum/{checksum}", returns=BlockSchema, query=("version",))
read_block_schema = get("/block_schemas/{id}", returns=BlockSchema)
delete_block_schema = delete("/block_schemas/{id}")
create_block_document = post("/block_documents/", body=BlockDocumentCreate, returns=BlockDocument, status=201)
filter_block_documents = post("/block_documents/filter", body=Criteria, returns=list[BlockDocument])
count_block_documents = post("/block_documents/count", body=Criteria, returns=int)
read_block_document = get("/block_documents/{id}", returns=BlockDocument, query=("include_secrets",))
update_block_document = patch("/block_documents/{id}", body=BlockDocumentUpdate)
delete_block_document = delete("/block_documents/{id}")
read_block_capabilities = get("/block_capabilities/", returns=list[str])
