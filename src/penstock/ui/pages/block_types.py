"""The catalogue of block types, and the form that makes a block of one."""

from __future__ import annotations

import asyncio

from penstock.errors import PenstockError
from penstock.server.bind import Reply
from penstock.ui.block_facts import Kind, kinds, newest_schema, stored_by_type
from penstock.ui.block_forms import block_fields, nested_types, read_form
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import page
from penstock.ui.schema_forms import Field, fields_of
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockDocumentCreate, BlockType
from penstock.wire.model import Criteria


@page("GET", "/blocks/catalog")
async def show_all(at: Reader) -> Reply:
    """All types, or those with some words in their name, or that can do something."""
    name, capability = at.asked("name")[:200], at.asked("capability")[:200]
    found, capabilities = await asyncio.gather(
        kinds(at.api, name, capability), at.api.call(wire.read_block_capabilities)
    )
    return at.render("block_types.html", kinds=found, capabilities=capabilities, name=name, capability=capability)


@page("GET", "/blocks/catalog/{slug}")
async def show(at: Reader, slug: str) -> Reply:
    """The page of a type: what its blocks hold, and which there are."""
    type = await at.api.call(wire.read_block_type_by_slug, slug=slug)
    schema, stored = await asyncio.gather(
        newest_schema(at.api, type),
        at.api.call(
            wire.filter_block_documents,
            Criteria(block_types={"slug": {"any_": [type.slug]}}, sort="NAME_ASC", limit=100),
        ),
    )
    return at.render(
        "block_type.html",
        kind=Kind(type, schema.capabilities),
        fields=fields_of(schema.fields, {}),
        nested=nested_types(schema.fields),
        stored=stored,
    )


@page("GET", "/blocks/catalog/{slug}/create")
async def ask(at: Reader, slug: str) -> Reply:
    """The form of a new block."""
    type = await at.api.call(wire.read_block_type_by_slug, slug=slug)
    schema = await newest_schema(at.api, type)
    return _form(at, type, await _fields(at, schema.fields), at.asked("name"))


@page("POST", "/blocks/catalog/{slug}/create")
async def create(at: Reader, slug: str) -> Reply:
    """Makes it; what does not fit is said beside its field, and secrets are asked for again."""
    type = await at.api.call(wire.read_block_type_by_slug, slug=slug)
    schema = await newest_schema(at.api, type)
    values, fields = read_form(await _fields(at, schema.fields), at.form)
    name = at.field("name").strip()
    if any(field.fault for field in fields):
        return _form(at, type, fields, name, status=422)
    if not name:
        return _form(at, type, fields, name, status=422, fault="Give the block a name.")
    body = BlockDocumentCreate(name=name, data=values, block_schema_id=schema.id, block_type_id=type.id)
    try:
        made = await at.api.call(wire.create_block_document, body)
    except PenstockError as error:
        return _form(at, type, fields, name, status=error.status, fault=error.message)
    return at.go(at.link(f"/blocks/{made.id}"), f"The block {type.slug}/{name} was made.")


async def _fields(at: Reader, schema: dict[str, object]) -> list[Field]:
    offers = await stored_by_type(at.api, [slug for slugs in nested_types(schema).values() for slug in slugs])
    return block_fields(schema, {}, {}, offers)


def _form(at: Reader, type: BlockType, fields: list[Field], name: str, *, status: int = 200, fault: str = "") -> Reply:
    path = f"/blocks/catalog/{segment(type.slug)}"
    return at.render("block_new.html", status, type=type, path=path, fields=fields, name=name, fault=fault)
