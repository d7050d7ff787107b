"""The block types that the server brings along, and the key that block data is sealed with."""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from penstock.ids import new_id
from penstock.server.versions import PREFECT_VERSION
from penstock.settings import Settings
from penstock.store import configuration
from penstock.store.block_schemas import install
from penstock.store.database import Database
from penstock.store.sealing import Seal
from penstock.wire.blocks import BlockSchemaCreate, BlockType

DATA = Path(__file__).parent / "data" / "block_types.json"
KEY_FILE = "encryption.key"
KEY_NAME = "encryption_key"

_seals: WeakKeyDictionary[Database, Seal] = WeakKeyDictionary()


class BuiltIn(msgspec.Struct, frozen=True):
    """One entry of the data file; its texts are ours, its fields are the API's."""

    name: str
    slug: str
    description: str
    is_protected: bool
    capabilities: list[str]
    fields: dict[str, Any]


async def install_block_types(store: Database, now: datetime) -> None:
    """Makes the built-in block types that are missing; what is there is left as it is."""
    found = msgspec.json.decode(DATA.read_bytes(), type=list[BuiltIn])
    await store.write(install([_prepared(one, now) for one in found], now))


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
