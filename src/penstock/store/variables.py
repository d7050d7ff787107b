"""Variables: named JSON values."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from msgspec.structs import replace

from penstock.errors import Conflict, NotFound
from penstock.ids import new_id
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents
from penstock.store.events import emit, event_of
from penstock.wire.events import ReceivedEvent
from penstock.wire.variables import Variable, VariableCreate, VariableUpdate

VARIABLES = Documents("variables", Variable, columns=("name", "tags"), unique=("name",))


@intent
def create_variable(wanted: VariableCreate, now: datetime) -> Steps[tuple[Variable, ReceivedEvent]]:
    """Makes a variable; `Conflict` when its name is taken."""
    variable = Variable(id=new_id(), name=wanted.name, value=wanted.value, tags=wanted.tags, created=now, updated=now)
    if not (yield VARIABLES.insert(variable)):
        raise Conflict(f"There is a variable {wanted.name!r} already.")
    event = _event("created", variable, now)
    yield emit(event)
    return variable, event


@intent
def update_variable(key: UUID | str, by: str, change: VariableUpdate, now: datetime) -> Steps[ReceivedEvent]:
    """Changes what is given of a variable, found `by` its id or name; `NotFound`, or `Conflict` for a taken name."""
    variable = yield from VARIABLES.find(key, by)
    if variable is None:
        raise NotFound("Variable not found.")
    changes: dict[str, Any] = {}
    if change.value is not UNSET:
        changes["value"] = change.value
    if isinstance(change.name, str):
        changes["name"] = change.name
    if isinstance(change.tags, list):
        changes["tags"] = change.tags
    variable = replace(variable, updated=now, **changes)
    yield VARIABLES.replace(variable)
    event = _event("updated", variable, now)
    yield emit(event)
    return event


@intent
def delete_variable(key: UUID | str, by: str, now: datetime) -> Steps[ReceivedEvent]:
    """Deletes a variable; `NotFound` when there is none."""
    variable = yield from VARIABLES.find(key, by)
    if variable is None:
        raise NotFound("Variable not found.")
    yield VARIABLES.remove(variable.id)
    event = _event("deleted", variable, now)
    yield emit(event)
    return event


def _event(what: str, variable: Variable, now: datetime) -> ReceivedEvent:
    payload = {"name": variable.name, "value": variable.value, "tags": variable.tags}
    name = f"prefect.variable.{what}"
    return event_of(name, "variable", variable.id, now=now, label=variable.name, payload=payload)
