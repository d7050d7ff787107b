"""Variables: named JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, field

from penstock.wire.endpoint import delete, get, patch, post
from penstock.wire.model import Criteria, Model, Write


class Variable(Model):
    """A named value."""

    id: UUID
    name: str
    value: str | int | bool | float | dict[str, Any] | list[Any] | None
    created: datetime | None = None
    updated: datetime | None = None
    tags: list[str] = field(default_factory=list)


class VariableCreate(Write):
    """A new variable; the value is any JSON."""

    name: str
    value: str | int | bool | float | dict[str, Any] | list[Any] | None
    tags: list[str] = field(default_factory=list)


class VariableUpdate(Write):
    """Changes a variable."""

    name: str | UnsetType | None = UNSET
    value: str | int | bool | float | dict[str, Any] | list[Any] | UnsetType | None = UNSET
    tags: list[str] | UnsetType | None = UNSET


create_variable = post("/variables/", body=VariableCreate, returns=Variable, status=201)
filter_variables = post("/variables/filter", body=Criteria, returns=list[Variable])
count_variables = post("/variables/count", body=Criteria, returns=int)
read_variable_by_name = get("/variables/name/{name}", returns=Variable)
update_variable_by_name = patch("/variables/name/{name}", body=VariableUpdate)
delete_variable_by_name = delete("/variables/name/{name}")
read_variable = get("/variables/{id}", returns=Variable)
update_variable = patch("/variables/{id}", body=VariableUpdate)
delete_variable = delete("/variables/{id}")
