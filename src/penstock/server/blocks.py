"""The block types that the server brings along, and the key that block data is sealed with."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from penstock.core.block_schemas import checksum
from penstock.ids import new_id
from penstock.server.versions import PREFECT_VERSION
from penstock.settings import Settings
from penstock.store import configuration
from penstock.store.block_schemas import install
from penstock.store.database import Database
from penstock.store.sealing import Seal
from penstock.wire.blocks import BlockSchemaCreate, BlockType

DATA = Path(__file__).parent / "data" / "block_types"
KEY_FILE = "encryption.key"
KEY_NAME = "encryption_key"

_seals: WeakKeyDictionary[Database, Seal] = WeakKeyDictionary()


class BuiltIn(msgspec.Struct, frozen=True):
    """One entry of the data files; its texts are ours, its fields are the API's.

    A field that holds a block names its type only, in `block_schema_references` and as `#/definitions/<title>`.
    """

    name: str
    slug: str
    description: str
    is_protected: bool
    capabilities: list[str]
    fields: dict[str, Any]


async def install_block_types(store: Database, now: datetime) -> None:
    """Makes the built-in block types that are missing; what is there is left as it is."""
    await store.write(install([_prepared(one, now) for one in built_in_types()], now))


def built_in_types() -> list[BuiltIn]:
    """All of them, those that others hold first, with their schemas as clients send them."""
    files = sorted(DATA.glob("*.json"))
    found = [one for file in files for one in msgspec.json.decode(file.read_bytes(), type=list[BuiltIn])]
    found.sort(key=lambda one: bool(one.fields["block_schema_references"]))
    by_slug = {one.slug: one.fields for one in found}
    return [msgspec.structs.replace(one, fields=_with_inner(one.fields, by_slug)) for one in found]


def _with_inner(fields: dict[str, Any], by_slug: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The schema with those of the blocks in it: defined, and referred to by checksum."""
    if not fields["block_schema_references"]:
        return fields
    definitions = dict(fields.get("definitions", {}))
    references: dict[str, Any] = {}
    for name, given in fields["block_schema_references"].items():
        kinds = given if isinstance(given, list) else [given]
        inner = [by_slug[kind["block_type_slug"]] for kind in kinds]
        full = [{**kind, "block_schema_checksum": checksum(one)} for kind, one in zip(kinds, inner, strict=True)]
        references[name] = full if isinstance(given, list) else full[0]
        for one in inner:
            definitions |= one.get("definitions", {})
            definitions[one["title"]] = {key: value for key, value in one.items() if key != "definitions"}
    return {**fields, "block_schema_references": references, "definitions": definitions}


async def seal_for(store: Database, settings: Settings) -> Seal:
    """What seals block data: from the setting, else from a key that is made once and kept.

    SQLite's key lies in the home folder, PostgreSQL's in the database, where all replicas find it
    (docs/decisions/0005-sealed-block-data.md).
    """
    if (seal := _seals.get(store)) is None:
        seal = _seals[store] = Seal(await _key(store, settings))
    return seal


async def _key(store: Database, settings: Settings) -> bytes:
    if settings.server.encryption_key:
        return settings.server.encryption_key.encode()
    if store.dialect == "sqlite":
        return _key_in(settings.home)
    return (await store.write(configuration.keep_first(KEY_NAME, secrets.token_urlsafe(32)))).encode()


def _key_in(home: Path) -> bytes:
    """The key in the home folder, made by whoever comes first."""
    path = home / KEY_FILE
    home.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_bytes()
    with os.fdopen(descriptor, "wb") as file:
        file.write(secrets.token_urlsafe(32).encode())
    return path.read_bytes()


def _prepared(one: BuiltIn, now: datetime) -> tuple[BlockType, BlockSchemaCreate]:
    kind = BlockType(
        id=new_id(),
        name=one.name,
        slug=one.slug,
        description=one.description,
        is_protected=one.is_protected,
        created=now,
        updated=now,
    )
    schema = BlockSchemaCreate(
        block_type_id=kind.id, fields=one.fields, capabilities=one.capabilities, version=PREFECT_VERSION
    )
    return kind, schema
