"""The stored blocks: found, shown without their secrets, changed and deleted."""

from __future__ import annotations

from typing import Any

from penstock.core.block_schemas import HIDDEN
from penstock.errors import NotFound, PenstockError
from penstock.server.bind import Reply
from penstock.ui.block_facts import references_of, stored_by_type
from penstock.ui.block_forms import block_fields, nested_types, read_form, shown_fields
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.schema_forms import Field
from penstock.wire import blocks as wire
from penstock.wire.blocks import BlockDocument, BlockDocumentUpdate
from penstock.wire.model import Criteria

PAGE = 50


@page("GET", "/blocks")
async def show_all(at: Reader) -> Reply:
    """A page of blocks by type and name; `after` says how many come before it, as there are never very many."""
    passed, name, slug = at.passed(), at.asked("name")[:200], at.asked("type")[:200]
    wanted: dict[str, Any] = {"block_documents": {"name": {"like_": name}}} if name else {}
    if slug:
        wanted["block_types"] = {"slug": {"any_": [slug]}}
    asked = Criteria(**wanted, sort="BLOCK_TYPE_AND_NAME_ASC", limit=PAGE + 1, offset=passed)
    found = await at.api.call(wire.filter_block_documents, asked)
    return at.render(
        "blocks.html",
        blocks=found[:PAGE],
        older=str(passed + PAGE) if len(found) > PAGE else "",
        name=name,
        slug=slug,
    )


@page("GET", "/blocks/{id}")
async def show(at: Reader, id: str) -> Reply:
    """The page of a block."""
    one = await _read(at, id)
    schema = one.block_schema.fields if one.block_schema else {}
    named = {name: raw["block_document"]["name"] for name, raw in one.block_document_references.items()}
    return at.render(
        "block.html",
        block=one,
        slug=_slug(one),
        fields=shown_fields(schema, one.data, references_of(one)),
        names=named,
        hidden=HIDDEN,
    )


@page("GET", "/blocks/{id}/edit")
async def ask(at: Reader, id: str) -> Reply:
    """The form that changes it."""
    one = await _read(at, id)
    return _form(at, one, await _fields(at, one))


@page("POST", "/blocks/{id}/edit")
async def update(at: Reader, id: str) -> Reply:
    """Changes what was changed; the rest, and secrets that were left empty, stay as they are."""
    one = await _read(at, id)
    values, fields = read_form(await _fields(at, one), at.form)
    if any(field.fault for field in fields):
        return _form(at, one, fields, 422)
    try:
        await at.api.call(wire.update_block_document, BlockDocumentUpdate(data=values), id=one.id)
    except PenstockError as error:
        return _form(at, one, fields, error.status, error.message)
    return at.go(at.link(f"/blocks/{one.id}"), f"The block {one.name} was changed.")


@page("POST", "/blocks/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Deletes it."""
    one = await _read(at, id)
    await at.api.call(wire.delete_block_document, id=one.id)
    return at.go(at.link("/blocks"), f"The block {_slug(one)}/{one.name} was deleted.")


async def _read(at: Reader, id: str) -> BlockDocument:
    """A block without its secrets. Raises `NotFound`."""
    one = await at.api.call(wire.read_block_document, id=id_in(id))
    if one.block_type is None:
        raise NotFound("The type of this block is gone.")
    return one


async def _fields(at: Reader, one: BlockDocument) -> list[Field]:
    schema = one.block_schema.fields if one.block_schema else {}
    offers = await stored_by_type(at.api, [slug for slugs in nested_types(schema).values() for slug in slugs])
    return block_fields(schema, one.data, references_of(one), offers)


def _slug(one: BlockDocument) -> str:
    return one.block_type.slug if one.block_type else ""


def _form(at: Reader, one: BlockDocument, fields: list[Field], status: int = 200, fault: str = "") -> Reply:
    return at.render("block_edit.html", status, block=one, slug=_slug(one), fields=fields, fault=fault)
