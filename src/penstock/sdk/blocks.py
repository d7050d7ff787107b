"""Blocks: named, typed configuration on the server, secrets among it.

    class Database(Block):
        host: str
        password: SecretStr

    Database(host="db", password=SecretStr("x")).save("main")
    Database.load("main").password.get_secret_value()

The fields are the annotations of the class; no other library is needed to declare them.
"""

from __future__ import annotations

import re
import typing
from collections.abc import Awaitable
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from penstock.errors import Conflict, InvalidRequest, NotFound
from penstock.sdk.block_schemas import SecretStr, as_data, block_kinds, field_types, from_data, schema_fields
from penstock.sdk.effects import Call, Steps, adrive, drive
from penstock.wire import blocks as wire
from penstock.wire.model import Criteria

Self_ = TypeVar("Self_", bound="Block")


class BlockNotFound(NotFound, ValueError):
    """There is no such block; a ValueError too, which is what flow code catches."""


class Block:
    """Base of all blocks."""

    _block_type_name: ClassVar[str | None] = None
    _block_type_slug: ClassVar[str | None] = None
    _logo_url: ClassVar[str | None] = None
    _documentation_url: ClassVar[str | None] = None
    _description: ClassVar[str | None] = None
    _block_schema_version: ClassVar[str] = "non-versioned"
    _is_provided: ClassVar[bool] = False
    """Whether servers bring the type along: then its schema there is used, and none is made."""
    _block_document_id: UUID | None = None
    _block_document_name: str | None = None

    def __init__(self, **values: Any) -> None:
        for name, kind in field_types(type(self)).items():
            if name in values:
                setattr(self, name, from_data(values.pop(name), kind))
            elif not hasattr(type(self), name):
                raise InvalidRequest(f"{type(self).__name__} needs a value for {name!r}.", loc=(name,))
        if values:
            unknown = next(iter(values))
            raise InvalidRequest(f"{type(self).__name__} has no field {unknown!r}.", loc=(unknown,))
        self.block_initialization()

    def block_initialization(self) -> None:
        """Called once the fields are set; for subclasses."""

    @classmethod
    def get_block_type_slug(cls) -> str:
        """The name of the type in addresses."""
        return cls._block_type_slug or re.sub(r"[^a-z0-9]+", "-", cls.get_block_type_name().lower()).strip("-")

    @classmethod
    def get_block_type_name(cls) -> str:
        """The name of the type for people."""
        return cls._block_type_name or cls.__name__

    @classmethod
    def register_type_and_schema(cls) -> tuple[UUID, UUID]:
        """Makes the server know this type and its fields; gives both ids. Harmless when it does already."""
        return drive(_register(cls))

    def save(self, name: str, overwrite: bool = False) -> UUID:
        """Keeps the block under a name. Raises `Conflict` when there is one, unless told to overwrite it."""
        return drive(_save(self, name, overwrite))

    def asave(self, name: str, overwrite: bool = False) -> Awaitable[UUID]:
        """As `save`, awaited."""
        return adrive(_save(self, name, overwrite))

    @classmethod
    def load(cls: type[Self_], name: str) -> Self_:
        """The block of this name; `Block.load("slug/name")` gives one of any type. Raises `NotFound`."""
        return drive(_load(cls, name))

    @classmethod
    def aload(cls: type[Self_], name: str) -> Awaitable[Self_]:
        """As `load`, awaited."""
        return adrive(_load(cls, name))

    @classmethod
    def delete(cls, name: str) -> None:
        """Removes the block of this name. Raises `NotFound`."""
        drive(_delete(cls, name))

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in field_types(type(self)))
        return f"{type(self).__name__}({', '.join(shown)})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and as_data(self, hide=False) == as_data(other, hide=False)

    __hash__ = None  # type: ignore[assignment]  # its fields may change


class Secret(Block):
    """One secret value: text, or any JSON."""

    _block_type_name = "Secret"
    _block_type_slug = "secret"
    value: SecretStr

    def get(self) -> Any:
        """The value."""
        return self.value.get_secret_value()


class JSON(Block):
    """Any JSON value."""

    _block_type_name = "JSON"
    _block_type_slug = "json"
    value: Any


class String(Block):
    """A text."""

    _block_type_name = "String"
    _block_type_slug = "string"
    value: str


def _register(cls: type[Block]) -> Steps[tuple[UUID, UUID]]:
    for nested in _nested(cls):
        yield from _register(nested)
    slug = cls.get_block_type_slug()
    try:
        kind = yield Call(wire.read_block_type_by_slug, path={"slug": slug})
    except NotFound:
        body = wire.BlockTypeCreate(
            name=cls.get_block_type_name(),
            slug=slug,
            logo_url=cls._logo_url,
            documentation_url=cls._documentation_url,
            description=cls._description or cls.__doc__,
        )
        kind = yield Call(wire.create_block_type, body)
    if cls._is_provided and (known := (yield from _known_schema(cls, kind.id))):
        return kind.id, known.id
    fields = schema_fields(cls, slug)
    schema = yield Call(
        wire.create_block_schema,
        wire.BlockSchemaCreate(block_type_id=kind.id, fields=fields, version=cls._block_schema_version),
    )
    return kind.id, schema.id


def _known_schema(cls: type[Block], type_id: UUID) -> Steps[wire.BlockSchema | None]:
    """The newest schema of the type, on the server, that has every field of the class."""
    criteria = Criteria(block_schemas={"block_type_id": {"any_": [str(type_id)]}})
    found: list[wire.BlockSchema] = yield Call(wire.filter_block_schemas, criteria)
    wanted = set(field_types(cls))
    return next((one for one in found if wanted <= set(one.fields.get("properties", {}))), None)


def _nested(cls: type[Block]) -> list[type[Block]]:
    return [block for kind in field_types(cls).values() for block in block_kinds(kind)]


def _kept_data(block: Block) -> dict[str, Any]:
    """The values; a field that is None by default is left out when it is None."""
    kind = type(block)
    return {
        name: value for name, value in as_data(block).items() if value is not None or getattr(kind, name, 0) is not None
    }


def _save(block: Block, name: str, overwrite: bool) -> Steps[UUID]:
    kind_id, schema_id = yield from _register(type(block))
    data = _kept_data(block)
    body = wire.BlockDocumentCreate(block_schema_id=schema_id, block_type_id=kind_id, name=name, data=data)
    slug = type(block).get_block_type_slug()
    try:
        found = (yield Call(wire.create_block_document, body)).id
    except Conflict:
        if not overwrite:
            raise Conflict(f"There is a {slug} block {name!r} already; save it with overwrite=True.") from None
        found = (yield from _read(slug, name)).id
        change = wire.BlockDocumentUpdate(block_schema_id=schema_id, data=data, merge_existing_data=False)
        yield Call(wire.update_block_document, change, path={"id": found})
    block._block_document_id, block._block_document_name = found, name
    return found  # type: ignore[no-any-return]  # the id of a document


def _read(slug: str, name: str) -> Steps[wire.BlockDocument]:
    path = {"slug": slug, "block_document_name": name}
    found: wire.BlockDocument = yield Call(wire.read_block_document_by_name, path=path, query={"include_secrets": True})
    return found


def _load(cls: type[Self_], name: str) -> Steps[Self_]:
    slug, slash, last = name.partition("/")
    if not slash:
        slug, last = cls.get_block_type_slug(), name
    try:
        document = yield from _read(slug, last)
    except NotFound:
        raise BlockNotFound(f"There is no {slug} block {last!r}.") from None
    kind = cls if cls is not Block else _class_of(slug)
    known = field_types(kind)
    block = kind(**{key: value for key, value in document.data.items() if key in known})
    block._block_document_id, block._block_document_name = document.id, document.name
    return typing.cast(Self_, block)


def _class_of(slug: str) -> type[Any]:
    """The class of a type, among those that come along or have been imported. Raises `NotFound`."""
    import penstock.sdk.provided_blocks  # noqa: F401 - to define those that come along

    waiting = list(Block.__subclasses__())
    while waiting:
        found = waiting.pop()
        if found.get_block_type_slug() == slug:
            return found
        waiting += found.__subclasses__()
    raise NotFound(f"No class of block type {slug!r} has been imported.")


def _delete(cls: type[Block], name: str) -> Steps[None]:
    document = yield from _read(cls.get_block_type_slug(), name)
    yield Call(wire.delete_block_document, path={"id": document.id})
