"""Variables."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from msgspec import UNSET

from penstock.errors import InvalidRequest, NotFound
from penstock.server.bind import Encoded, Request, handles
from penstock.store.variables import VARIABLES, create_variable, delete_variable, update_variable
from penstock.wire import variables as wire
from penstock.wire.model import Criteria, encode
from penstock.wire.variables import Variable, VariableCreate, VariableUpdate

NAME = re.compile(r"[a-z0-9_-]{1,255}")
LONGEST_VALUE = 5_000
"""Characters of a value's JSON."""


@handles(wire.create_variable)
async def create(at: Request, body: VariableCreate) -> Variable:
    """Makes a variable."""
    _check(body.name, body.value)
    variable, event = await at.store.write(create_variable(body, at.now))
    at.hub.publish_events([event])
    return variable


@handles(wire.filter_variables)
async def list_variables(at: Request, body: Criteria) -> Encoded:
    """Variables that a filter finds."""
    return Encoded(await at.store.scan(VARIABLES.list(body, at.store.dialect, most=at.most)))


@handles(wire.count_variables)
async def count(at: Request, body: Criteria) -> int:
    """How many variables a filter finds."""
    return await at.store.scan(VARIABLES.count(body, at.store.dialect))


@handles(wire.read_variable_by_name)
async def read_by_name(at: Request, name: str) -> Encoded:
    """A variable by its name."""
    return _found(await at.store.read(VARIABLES.read(name, "name")))


@handles(wire.read_variable)
async def read(at: Request, id: UUID) -> Encoded:
    """A variable by its id."""
    return _found(await at.store.read(VARIABLES.read(id)))


@handles(wire.update_variable_by_name)
async def update_by_name(at: Request, body: VariableUpdate, name: str) -> None:
    """Changes a variable found by its name."""
    await _update(at, name, "name", body)


@handles(wire.update_variable)
async def update(at: Request, body: VariableUpdate, id: UUID) -> None:
    """Changes a variable found by its id."""
    await _update(at, id, "id", body)


@handles(wire.delete_variable_by_name)
async def delete_by_name(at: Request, name: str) -> None:
    """Deletes a variable found by its name."""
    at.hub.publish_events([await at.store.write(delete_variable(name, "name", at.now))])


@handles(wire.delete_variable)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a variable found by its id."""
    at.hub.publish_events([await at.store.write(delete_variable(id, "id", at.now))])


async def _update(at: Request, key: UUID | str, by: str, body: VariableUpdate) -> None:
    _check(body.name, body.value)
    at.hub.publish_events([await at.store.write(update_variable(key, by, body, at.now))])


def _check(name: Any, value: Any) -> None:
    if isinstance(name, str) and not NAME.fullmatch(name):
        message = "A variable's name has only small letters, digits, - and _."
        raise InvalidRequest(message, loc=("body", "name"))
    if value is not UNSET and len(encode(value)) > LONGEST_VALUE:
        raise InvalidRequest(f"A variable's value may have {LONGEST_VALUE} characters as JSON.", loc=("body", "value"))


def _found(variable: bytes | None) -> Encoded:
    if variable is None:
        raise NotFound("Variable not found.")
    return Encoded(variable)
