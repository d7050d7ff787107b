"""Results that outlive their run: written to storage under a key, with how to read them beside them.

A record is one file: a line of JSON about it (serializer, expiry), then the value's bytes. The server
only learns the reference.
"""

from __future__ import annotations

import importlib
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any, Protocol

import msgspec

from penstock import settings as configuration
from penstock.clock import utc_now
from penstock.errors import NotFound, PenstockError, SettingInvalid
from penstock.storage.local import LocalStorage
from penstock.storage.protocol import Storage


class Serializer(Protocol):
    """Makes bytes of a value and the value of the bytes."""

    type: str

    def dumps(self, value: Any) -> bytes: ...

    def loads(self, content: bytes) -> Any: ...


class StorageOpener(Protocol):
    """A block that says where files are, such as `S3Bucket`."""

    def open_storage(self) -> Storage: ...


ResultStorage = Storage | StorageOpener
"""Where results may be kept."""


class PickleSerializer:
    """Any Python value; read it only with the code and Python that wrote it."""

    type = "pickle"

    def dumps(self, value: Any) -> bytes:
        return pickle.dumps(value)

    def loads(self, content: bytes) -> Any:
        return pickle.loads(content)


class JSONSerializer:
    """Plain data, readable by anything."""

    type = "json"

    def dumps(self, value: Any) -> bytes:
        return msgspec.json.encode(value)

    def loads(self, content: bytes) -> Any:
        return json.loads(content)


class CompressedSerializer:
    """Another serializer's bytes, compressed (`compressed/json`, `compressed/pickle`)."""

    def __init__(self, serializer: Serializer | None = None) -> None:
        self.inner = serializer or PickleSerializer()
        self.type = f"compressed/{self.inner.type}"

    def dumps(self, value: Any) -> bytes:
        return importlib.import_module("lzma").compress(self.inner.dumps(value))  # type: ignore[no-any-return]

    def loads(self, content: bytes) -> Any:
        return self.inner.loads(importlib.import_module("lzma").decompress(content))


_SERIALIZERS: dict[str, Callable[[], Serializer]] = {
    "pickle": PickleSerializer,
    "json": JSONSerializer,
    "compressed/pickle": lambda: CompressedSerializer(PickleSerializer()),
    "compressed/json": lambda: CompressedSerializer(JSONSerializer()),
}


class UnknownSerializer(PenstockError):
    """No such serializer. There are pickle, json, compressed/pickle, compressed/json."""

    code = "unknown_serializer"


def serializer_of(given: str | Serializer | None) -> Serializer:
    """The serializer by name, or as given; by default what the settings say. Raises `UnknownSerializer`."""
    if given is None:
        given = configuration.current().results.default_serializer
    if not isinstance(given, str):
        return given
    if given not in _SERIALIZERS:
        raise UnknownSerializer(f"No serializer {given!r}. There are {', '.join(_SERIALIZERS)}.")
    return _SERIALIZERS[given]()


@dataclass(frozen=True, slots=True)
class Reference:
    """Where a value is kept and how to read it."""

    storage_key: str
    serializer: str
    expiration: datetime | None = None
    storage: ResultStorage | None = None

    def load(self) -> Any:
        """The value. Raises `NotFound` when it is gone."""
        found = ResultStore(self.storage).read(self.storage_key)
        if found is None:
            raise NotFound(f"There is no result at {self.storage_key!r} here.")
        return found[1]

    def as_json(self) -> dict[str, Any]:
        """The reference as the server keeps it."""
        return {
            "storage_key": self.storage_key,
            "expiration": self.expiration.isoformat() if self.expiration else None,
            "serializer": {"type": self.serializer},
            "prefect_version": "3.8.8",
            "storage_block_id": None,
        }

    @classmethod
    def from_json(cls, data: Any) -> Reference | None:
        """The reference in a state's data, if there is one."""
        if not isinstance(data, dict) or not data.get("storage_key"):
            return None
        kind = (data.get("serializer") or {}).get("type", "pickle")
        expiration = data.get("expiration")
        return cls(data["storage_key"], kind, datetime.fromisoformat(expiration) if expiration else None)


class ResultStore:
    """Writes and reads results; by default files below the user's home."""

    def __init__(self, storage: ResultStorage | None = None, serializer: str | Serializer | None = None) -> None:
        self._given = storage
        block = configuration.current().results.default_storage_block
        opened = _opened(storage) if storage else storage_block(block) if block else None
        self.root = None if opened else local_root()
        self.storage: Storage = opened or LocalStorage(local_root())
        self.serializer = serializer

    def write(self, key: str, value: Any, expires_in: timedelta | None = None) -> Reference:
        """Keeps a value under a key, replacing what was there."""
        reference, write = self.prepare(key, value, expires_in)
        write()
        return reference

    def prepare(
        self, key: str, value: Any, expires_in: timedelta | None = None
    ) -> tuple[Reference, Callable[[], None]]:
        """Where a value will be, and what writes it there."""
        serializer = serializer_of(self.serializer)
        expiration = utc_now() + expires_in if expires_in else None
        head = {"serializer": serializer.type, "expiration": expiration.isoformat() if expiration else None}
        content = json.dumps(head).encode() + b"\n" + serializer.dumps(value)
        full = key if self.root is None else str(self.root / self._short(key))
        reference = Reference(full, serializer.type, expiration, self._given)
        return reference, partial(self.storage.write, self._short(key), content)

    def read(self, key: str) -> tuple[Reference, Any] | None:
        """What is kept under a key, None when nothing is or it has expired."""
        try:
            content = self.storage.read(self._short(key))
        except NotFound:
            return None
        head, _, body = content.partition(b"\n")
        about = json.loads(head)
        expiration = datetime.fromisoformat(about["expiration"]) if about["expiration"] else None
        if expiration is not None and expiration <= utc_now():
            return None
        full = key if self.root is None else str(self.root / self._short(key))
        value = serializer_of(about["serializer"]).loads(body)
        return Reference(full, about["serializer"], expiration, self._given), value

    def _short(self, key: str) -> str:
        """The key below the root: a reference holds the whole path, as other clients expect."""
        return key.removeprefix(f"{self.root}/") if self.root is not None else key


@cache
def storage_block(name: str) -> Storage:
    """The block of that name (`type-slug/name`). Raises `SettingInvalid` when it can't hold results."""
    from penstock.sdk.blocks import Block

    found: Any = _opened(Block.load(name))
    if not (hasattr(found, "read") and hasattr(found, "write")):
        raise SettingInvalid(f"The block {name!r} can't hold results: it has no `read` and `write`.")
    return found  # type: ignore[no-any-return]  # as a Protocol asks for no more


def _opened(storage: Any) -> Any:
    """The storage that a block opens; any other as it is."""
    return storage.open_storage() if hasattr(storage, "open_storage") else storage


def local_root() -> Path:
    """The folder of results on this machine."""
    found = configuration.current()
    return (found.results.local_storage_path or found.home / "storage").expanduser().resolve()
