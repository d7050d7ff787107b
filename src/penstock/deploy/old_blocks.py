"""Blocks as a `deployment.yaml` has them: the fields, and beside them which stored block they are those of.

Secrets are never in a file, so a block with secrets is always a stored one. What a file has of an unnamed block is
stored when the file is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from penstock.client.client import Client
from penstock.core.block_schemas import HIDDEN
from penstock.errors import DeployFailed, NotFound
from penstock.names import nearest
from penstock.wire import blocks
from penstock.wire.blocks import (
    BlockDocument,
    BlockDocumentCreate,
    BlockSchema,
    BlockSchemaCreate,
    BlockType,
    BlockTypeCreate,
)
from penstock.wire.model import Criteria

Json = Mapping[str, Any]

ID, NAME, ANONYMOUS = "_block_document_id", "_block_document_name", "_is_anonymous"
SLUGS = ("_block_type_slug", "block_type_slug", "type")
"""Where a mapping of a file says its type; `type` is the field of infrastructure blocks."""
BESIDE = frozenset({ID, NAME, ANONYMOUS, *SLUGS[:2]})
RUNS_JOBS, TAKES_FILES, GIVES_FILES = "run-infrastructure", "put-directory", "get-directory"
STARS = "**********"
"""How files show a secret."""
TYPES = Path(__file__).with_name("infrastructure_types.json")
_MADE: Json = {"env": {}, "labels": {}}
"""What these fields are when nobody sets them, which no schema says."""
_LEFT = frozenset({"image", "job", "customizations"})
"""Fields whose default depends on who reads the file."""
_OTHER_TYPES = {"container-instance-job": "azure-container-instance-job"}


def slug_of(mapping: Json) -> str:
    """The type of a file's block; empty where it does not say."""
    found = next((str(mapping[key]) for key in SLUGS if mapping.get(key)), "")
    return _OTHER_TYPES.get(found, found)


def name_of(mapping: Json) -> str | None:
    """The name of a file's block, as people gave it; None for one without."""
    name = mapping.get(NAME)
    return str(name) if name and not mapping.get(ANONYMOUS) else None


def fields_of(mapping: Json) -> dict[str, Any]:
    """A file's block without what is said beside its fields."""
    return {key: value for key, value in mapping.items() if key not in BESIDE}


def has_hidden(value: Any) -> bool:
    """Whether there is a secret in it that is not shown."""
    if isinstance(value, Mapping):
        return any(has_hidden(one) for one in value.values())
    if isinstance(value, list | tuple):
        return any(has_hidden(one) for one in value)
    return isinstance(value, str) and HIDDEN in value


def as_written(document: BlockDocument) -> dict[str, Any]:
    """A stored block as a file has it. Its secrets must be hidden in the document."""
    slug = document.block_type.slug if document.block_type else ""
    beside = {ID: str(document.id), NAME: document.name, ANONYMOUS: document.is_anonymous}
    return {**_starred(document.data), **beside, **dict.fromkeys(("block_type_slug", "_block_type_slug"), slug)}


def _starred(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _starred(one) for key, one in value.items()}
    return STARS if isinstance(value, str) and value == HIDDEN else value


def read_named(client: Client, title: str, *, secrets: bool = False) -> BlockDocument:
    """The stored block `type/name`. Raises `DeployFailed` when the title is none, or there is no such block."""
    slug, slash, name = title.partition("/")
    if not (slash and slug and name):
        raise DeployFailed(f"{title!r} does not name a block; write it as type/name.")
    try:
        return client.call(
            blocks.read_block_document_by_name,
            slug=slug,
            block_document_name=name,
            query={"include_secrets": secrets},
        )
    except NotFound:
        raise DeployFailed(f"There is no block {title}. Make it with: penstock block create {slug} {name}") from None


def default_block(client: Client, slug: str) -> dict[str, Any]:
    """A block of an infrastructure type with nothing set, as a file has it.

    Raises `DeployFailed` for a type that is none, or that can't do without a value.
    """
    _, schema = schema_of(client, slug)
    if RUNS_JOBS not in schema.capabilities:
        raise DeployFailed(f"Blocks of type {slug!r} start no jobs. {_types_there_are()}")
    needed = list(schema.fields.get("required", ()))
    if needed:
        raise DeployFailed(
            f"A block of type {slug!r} needs {', '.join(needed)}. Make one with "
            f"`penstock block create {slug} NAME --set FIELD=VALUE`, and give it as --infra-block {slug}/NAME."
        )
    properties = {**_known_fields(slug), **schema.fields.get("properties", {})}
    found = {name: _default(slug, name, one) for name, one in properties.items()}
    kept = {name: value for name, value in found.items() if value is not None or name not in _LEFT}
    return {**kept, **dict.fromkeys(("block_type_slug", "_block_type_slug"), slug)}


def _default(slug: str, name: str, schema: Json) -> Any:
    """What a field is when nobody sets it; schemas that are registered by hand do not always say."""
    known = _known_fields(slug).get(name, {}).get("default", _MADE.get(name))
    return schema.get("default", known)


def _known_fields(slug: str) -> Json:
    found: Json = _known_types().get(slug, {}).get("fields", {}).get("properties", {})
    return found


def runs_in_image(client: Client, mapping: Json) -> bool:
    """Whether jobs of an infrastructure block are containers, so that the code is in an image."""
    if "image" in mapping:
        return True
    _, schema = schema_of(client, slug_of(mapping))
    return "image" in schema.fields.get("properties", {})


def schema_of(client: Client, slug: str) -> tuple[BlockType, BlockSchema]:
    """A block type with its newest schema; infrastructure types that the server lacks are registered first.

    Raises `DeployFailed` for a type that nobody knows.
    """
    known = _known_types().get(slug)
    try:
        kind = client.call(blocks.read_block_type_by_slug, slug=slug)
    except NotFound:
        if known is None:
            raise DeployFailed(f"There is no block type {slug!r}. {_types_there_are(slug)}") from None
        kind = client.call(blocks.create_block_type, BlockTypeCreate(name=known["name"], slug=slug))
    criteria = Criteria(block_schemas={"block_type_id": {"any_": [str(kind.id)]}}, limit=1)
    found = client.call(blocks.filter_block_schemas, criteria)
    if found:
        return kind, found[0]
    if known is None:
        raise DeployFailed(f"The block type {slug!r} has no schema; register it with `penstock block register`.")
    body = BlockSchemaCreate(block_type_id=kind.id, fields=known["fields"], capabilities=[RUNS_JOBS])
    return kind, client.call(blocks.create_block_schema, body)


def stored(client: Client, mapping: Json, place: str, known: UUID | None = None) -> BlockDocument:
    """The stored block that a file's mapping is about; one without a name is stored now, unless `known` is alike.

    Raises `DeployFailed`, which begins with `place`, for a block that is not there or whose secrets the file lacks.
    """
    slug, name = slug_of(mapping), name_of(mapping)
    if not slug:
        raise DeployFailed(f"{place}: it does not say of which type the block is. Write block_type_slug.")
    if name:
        return _named(client, slug, name, place)
    found = _by_id(client, mapping.get(ID), slug)
    if found is not None:
        return found
    data = {key: _inner(client, value, place) for key, value in fields_of(mapping).items()}
    if has_hidden(data):
        raise DeployFailed(
            f"{place}: the block has secrets, which are not in the file. "
            f"Store it with `penstock block create {slug} NAME`, and write its name as {NAME}."
        )
    before = _by_id(client, known, slug)
    if before is not None and before.is_anonymous and before.data == data:
        return before
    try:
        kind, schema = schema_of(client, slug)
    except DeployFailed as error:
        raise DeployFailed(f"{place}: {error.message}") from None
    body = BlockDocumentCreate(data=data, block_schema_id=schema.id, block_type_id=kind.id, is_anonymous=True)
    return client.call(blocks.create_block_document, body)


def _named(client: Client, slug: str, name: str, place: str) -> BlockDocument:
    try:
        return read_named(client, f"{slug}/{name}")
    except DeployFailed as error:
        raise DeployFailed(f"{place}: {error.message}") from None


def _by_id(client: Client, id: object, slug: str) -> BlockDocument | None:
    """A block of this type by its id; None where there is none, as on another server than the one that gave the id."""
    try:
        found = client.call(blocks.read_block_document, id=UUID(str(id)))
    except (ValueError, NotFound):
        return None
    return found if found.block_type and found.block_type.slug == slug else None


def _inner(client: Client, value: Any, place: str) -> Any:
    """A block within a block as a reference to it: by its name, which is the same on every server, or else its id."""
    if not isinstance(value, Mapping):
        return value
    slug, name = slug_of(value), name_of(value)
    if slug and name:
        return _pointer(str(_named(client, slug, name, place).id))
    if value.get(ID):
        return _pointer(str(value[ID]))
    return fields_of(value) if SLUGS[1] in value else value


def _pointer(id: str) -> dict[str, Any]:
    return {"$ref": {"block_document_id": id}}


@cache
def _known_types() -> Mapping[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(TYPES.read_bytes())
    return found


def _types_there_are(slug: str = "") -> str:
    meant = nearest(slug, _known_types())
    return f"Did you mean {meant!r}?" if meant else f"Types of infrastructure are {', '.join(_known_types())}."
