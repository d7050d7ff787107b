"""The two base shapes of the wire, and how JSON is read and written.

Every model is frozen; change is a copy (`msgspec.structs.replace`). What the server answers is
read leniently (`Model`: a newer server's extra fields are ignored); what a client writes is read
strictly (`Write`: an unknown field is refused, so a misspelt one is not lost in silence).
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar, dataclass_transform

import msgspec
from msgspec import field

T = TypeVar("T")
Shape = TypeVar("Shape", bound=msgspec.Struct)

Labels = dict[str, bool | int | float | str]


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class ModelType(msgspec.StructMeta):
    """Makes every model frozen and keyword-only, which msgspec would want said on each class."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **options: Any) -> ModelType:
        options = {"frozen": True, "kw_only": True} | options
        return super().__new__(cls, name, bases, namespace, **options)


class Model(msgspec.Struct, metaclass=ModelType):
    """A shape the server answers with."""


class Write(msgspec.Struct, metaclass=ModelType, forbid_unknown_fields=True):
    """A shape a client writes; fields of type `UnsetType` tell "absent" from "null"."""


class Page(Model, Generic[T]):
    """One page of a `/paginate` answer; `page` counts from 1."""

    results: list[T]
    count: int
    limit: int
    pages: int
    page: int


class Criteria(Model):
    """The body of every filter, count and paginate endpoint.

    Each noun's value is a raw filter object in the grammar of `wire.filters`; the conditions of
    all nouns must hold together. Which nouns an endpoint looks at is its handler's matter; keys
    it does not know are ignored, as Prefect's server does for these bodies.
    """

    flows: dict[str, Any] | None = None
    flow_runs: dict[str, Any] | None = None
    task_runs: dict[str, Any] | None = None
    deployments: dict[str, Any] | None = None
    work_pools: dict[str, Any] | None = None
    work_pool_queues: dict[str, Any] | None = None
    work_queues: dict[str, Any] | None = None
    workers: dict[str, Any] | None = None
    artifacts: dict[str, Any] | None = None
    logs: dict[str, Any] | None = None
    variables: dict[str, Any] | None = None
    block_types: dict[str, Any] | None = None
    block_schemas: dict[str, Any] | None = None
    block_documents: dict[str, Any] | None = None
    automations: dict[str, Any] | None = None
    include_secrets: bool | None = None
    sort: str | None = None
    limit: int | None = None
    offset: int | None = None
    page: int | None = None


class BulkSelection(Model):
    """Which objects a bulk endpoint acts on; `limit` is at most 50."""

    flows: dict[str, Any] | None = None
    flow_runs: dict[str, Any] | None = None
    deployments: dict[str, Any] | None = None
    limit: int = 50


class Deleted(Model):
    """The ids a bulk delete removed."""

    deleted: list[str] = field(default_factory=list)


encode = msgspec.json.Encoder().encode


def like(shape: type[Shape], record: msgspec.Struct, **own: Any) -> Shape:
    """A body with what it has in common with a record, field by field, but for `own`."""
    names = (name for name in shape.__struct_fields__ if name not in own and name in record.__struct_fields__)
    return shape(**{name: getattr(record, name) for name in names}, **own)


def changed(update: Write) -> dict[str, Any]:
    """The fields that a partial update sets, null among them, by name."""
    return {name: value for name in update.__struct_fields__ if (value := getattr(update, name)) is not msgspec.UNSET}
