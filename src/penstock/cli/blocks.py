"""`penstock block`"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from penstock.cli.connect import connect, every, find
from penstock.cli.console import Failure, confirm, local, output_option, print_json, say
from penstock.cli.dashboard import show_page
from penstock.cli.groups import Verbs
from penstock.cli.tables import record, table
from penstock.client.client import Client
from penstock.errors import Conflict, Forbidden
from penstock.wire import blocks
from penstock.wire.blocks import BlockDocument, BlockDocumentCreate, BlockDocumentUpdate, BlockType
from penstock.wire.model import Criteria

if TYPE_CHECKING:
    from penstock.sdk.blocks import Block


SET_HELP = "A field; FIELD=@PATH takes a file's content, FIELD alone is asked for, a block is named TYPE/NAME."
NONE = "There are no blocks. Kinds are shown by `penstock block type ls`; `penstock block create` makes one."


@click.group(cls=Verbs, aliases={"types": "type"})
def block() -> None:
    """Stored, typed configuration."""


@block.command()
@output_option
def ls(as_json: bool) -> None:
    """List blocks."""
    with connect() as client:
        found = every(client, blocks.filter_block_documents)
    if as_json:
        return print_json(found)
    rows = [[_slug(one), _type(one), one.name, local(one.updated), one.id] for one in found]
    return table(["Slug", "Type", "Name", "Updated", "ID"], rows, NONE)


def _type(one: BlockDocument) -> str:
    return one.block_type.name if one.block_type else one.block_type_name or ""


def _slug(one: BlockDocument) -> str:
    return f"{one.block_type.slug if one.block_type else _type(one)}/{one.name}"


def _read(client: Client, slug: str | None, block_id: UUID | None) -> BlockDocument:
    if (slug is None) == (block_id is None):
        raise Failure("Give either a slug, such as 'json/my-block', or --id.")
    if block_id:
        return find(client, blocks.read_block_document, f"Block with id '{block_id}' not found.", id=block_id)
    kind, slash, name = (slug or "").partition("/")
    if not slash:
        raise Failure(f"{slug!r} is not a block's slug; write it as 'type/name'.")
    missing = f"Block {slug!r} not found."
    return find(client, blocks.read_block_document_by_name, missing, slug=kind, block_document_name=name)


@block.command()
@click.argument("slug", required=False)
@click.option("--id", "block_id", type=click.UUID, help="The block's id, instead of its slug.")
@output_option
def inspect(slug: str | None, block_id: UUID | None, as_json: bool) -> None:
    """Show a block; its secrets stay hidden."""
    with connect() as client:
        found = _read(client, slug, block_id)
    if as_json:
        return print_json(found)
    return record({"Slug": _slug(found), "Type": _type(found), "ID": found.id, **found.data})


@block.command()
@click.argument("slug", required=False)
@click.option("--id", "block_id", type=click.UUID, help="The block's id, instead of its slug.")
def delete(slug: str | None, block_id: UUID | None) -> None:
    """Delete a block."""
    with connect() as client:
        found = _read(client, slug, block_id)
        confirm(f"Delete the block {_slug(found)!r}?")
        client.call(blocks.delete_block_document, id=found.id)
    say(f"Deleted block {_slug(found)!r}.")


@block.command()
@click.argument("block_type_slug")
@click.argument("name", required=False)
@click.option("--set", "-s", "words", multiple=True, metavar="FIELD=VALUE", help=SET_HELP)
@click.option("--file", "-f", help="A JSON file of fields; - is standard input.")
@click.option("--overwrite", is_flag=True, help="Replace a block of this name.")
def create(block_type_slug: str, name: str | None, words: tuple[str, ...], file: str | None, overwrite: bool) -> None:
    """Make a block of a type. Without a name, open the page where it is made."""
    with connect() as client:
        kind = _read_type(client, block_type_slug)
        if name is not None:
            return _make(client, kind, name, _data(client, kind, words, file), overwrite)
        if words or file:
            raise Failure("Give the block a name, after its type.")
    return show_page(f"blocks/catalog/{kind.slug}/create")


def _data(client: Client, kind: BlockType, words: tuple[str, ...], file: str | None) -> tuple[UUID, dict[str, Any]]:
    from penstock.cli.block_values import block_data
    from penstock.cli.files import parse_object, read_text

    given = parse_object(read_text(file), f"The file {file}") if file else {}
    criteria = Criteria(block_schemas={"block_type_id": {"any_": [str(kind.id)]}}, limit=1)
    schemas = client.call(blocks.filter_block_schemas, criteria)
    if not schemas:
        raise Failure(f"The block type {kind.slug!r} has no schema; register it with `penstock block register`.")
    return schemas[0].id, block_data(client, schemas[0].fields, given, words)


def _make(client: Client, kind: BlockType, name: str, made: tuple[UUID, dict[str, Any]], overwrite: bool) -> None:
    schema_id, data = made
    body = BlockDocumentCreate(name=name, data=data, block_schema_id=schema_id, block_type_id=kind.id)
    try:
        client.call(blocks.create_block_document, body)
    except Conflict:
        if not overwrite:
            raise Failure(f"There is a block '{kind.slug}/{name}' already; --overwrite replaces it.") from None
        found = client.call(blocks.read_block_document_by_name, slug=kind.slug, block_document_name=name)
        change = BlockDocumentUpdate(block_schema_id=schema_id, data=data, merge_existing_data=False)
        client.call(blocks.update_block_document, change, id=found.id)
    say(f"Kept block '{kind.slug}/{name}'. Name it in a file as {{{{ prefect.blocks.{kind.slug}.{name} }}}}.")


@block.command()
@click.option("--module", "-m", help="An importable module.")
@click.option("--file", "-f", help="A Python file.")
def register(module: str | None, file: str | None) -> None:
    """Register the block types that a module or file defines."""
    if (module is None) == (file is None):
        raise Failure("Give either --module or --file.")
    kinds = _block_classes(_import(module, file))
    if not kinds:
        raise Failure(f"{module or file} defines no blocks.")
    for kind in kinds:
        kind.register_type_and_schema()
    table(["Slug", "Name"], [[kind.get_block_type_slug(), kind.get_block_type_name()] for kind in kinds])


def _import(module: str | None, file: str | None) -> ModuleType:
    import importlib

    if file and not file.endswith(".py"):
        raise Failure(f"{file} is not a Python file.")
    try:
        if module:
            return importlib.import_module(module)
        return _import_file(Path(file or ""))
    except Exception as error:  # whatever the user's code raises
        raise Failure(f"Can't import {module or file}: {type(error).__name__}: {error}") from None


def _import_file(path: Path) -> ModuleType:
    import importlib.util
    import sys

    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = found
    sys.path.insert(0, str(path.parent.resolve()))
    spec.loader.exec_module(found)
    return found


def _block_classes(found: ModuleType) -> list[type[Block]]:
    from penstock.sdk.blocks import Block

    every = [value for value in vars(found).values() if isinstance(value, type) and issubclass(value, Block)]
    return [kind for kind in every if kind is not Block]


@block.group("type", cls=Verbs)
def block_type() -> None:
    """Kinds of blocks."""


@block_type.command("ls")
@output_option
def ls_types(as_json: bool) -> None:
    """List kinds of blocks."""
    with connect() as client:
        found = every(client, blocks.filter_block_types)
    if as_json:
        return print_json(found)
    return table(["Slug", "Name", "Description"], [[one.slug, one.name, _first_sentence(one)] for one in found])


def _first_sentence(one: BlockType) -> str:
    return (one.description or "").strip().partition(". ")[0].partition("\n")[0]


def _read_type(client: Client, slug: str) -> BlockType:
    return find(client, blocks.read_block_type_by_slug, f"Block type {slug!r} not found.", slug=slug)


@block_type.command("inspect")
@click.argument("slug")
@output_option
def inspect_type(slug: str, as_json: bool) -> None:
    """Show a kind of block."""
    with connect() as client:
        found = _read_type(client, slug)
    return print_json(found) if as_json else record({name: getattr(found, name) for name in found.__struct_fields__})


@block_type.command("delete")
@click.argument("slug")
def delete_type(slug: str) -> None:
    """Delete a kind of block with all its blocks."""
    with connect() as client:
        found = _read_type(client, slug)
        confirm(f"Delete the block type {slug!r} and all its blocks?")
        try:
            client.call(blocks.delete_block_type, id=found.id)
        except Forbidden:
            raise Failure(f"The block type {slug!r} is built in and can't be deleted.") from None
    say(f"Deleted block type {slug!r}.")
