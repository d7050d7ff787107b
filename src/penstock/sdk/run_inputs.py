"""Inputs of flow runs: what people enter at a pause, and what runs send to each other."""

from __future__ import annotations

import json
import time
import typing
from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from penstock.core.parameters import fit
from penstock.errors import Conflict, NotFound
from penstock.ids import new_id
from penstock.sdk.context import current_flow, flow_context
from penstock.sdk.effects import Call, Sleep, Steps, adrive, drive, dual
from penstock.wire.flow_runs import InputCreate, InputQuery, create_input, delete_input, filter_inputs, read_input

T = TypeVar("T")
_RAISE: Any = object()


class RunInput:
    """Base of inputs with fields: `class Age(RunInput): age: int = 3`. The fields are its annotations."""

    def __init__(self, **values: Any) -> None:
        for name, kind in typing.get_type_hints(type(self)).items():
            if name in values:
                setattr(self, name, fit(values.pop(name), kind))
            elif not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} needs a value for {name!r}.")
        if values:
            raise TypeError(f"{type(self).__name__} has no field {next(iter(values))!r}.")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in fields_of(self).items())})"

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and fields_of(self) == fields_of(other)

    __hash__ = None  # type: ignore[assignment]  # its fields may change


def fields_of(value: Any) -> dict[str, Any]:
    """The fields of an input as plain data."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")  # type: ignore[no-any-return]  # pydantic's dump is a dict
    return {name: getattr(value, name) for name in typing.get_type_hints(type(value)) if hasattr(value, name)}


def keyset_of(kind: str, key: str) -> dict[str, str]:
    """Where the schema, the answer and the description of one pause are kept."""
    return {part: f"{kind}-{key}-{part}" for part in ("description", "response", "schema")}


def save_schema(flow_run_id: UUID, keyset: dict[str, str], kind: Any) -> Steps[None]:
    """Says what the one who resumes is to enter."""
    body = InputCreate(key=keyset["schema"], value=json.dumps(schema_of(kind)))
    try:
        yield Call(create_input, body, path={"id": flow_run_id})
    except Conflict:
        return  # an earlier process of this run has said so already


def answer_of(flow_run_id: UUID, keyset: dict[str, str], kind: Any, missing: Any = _RAISE) -> Steps[Any]:
    """What was entered, as the type asked for."""
    try:
        text = yield Call(read_input, path={"id": flow_run_id, "key": keyset["response"]})
    except NotFound:
        if missing is _RAISE:
            raise
        return missing
    return load(json.loads(text), kind)


def load(content: Any, kind: Any) -> Any:
    """Entered data as a type: a `RunInput`, a pydantic model, or a plain type (kept under `value`)."""
    if isinstance(kind, type) and issubclass(kind, RunInput):
        return kind(**content)
    if hasattr(kind, "model_validate"):
        return kind.model_validate(content)
    return fit(content["value"], kind)


def schema_of(kind: Any) -> dict[str, Any]:
    """The JSON schema of what is to be entered."""
    if hasattr(kind, "model_json_schema"):
        return kind.model_json_schema()  # type: ignore[no-any-return]  # pydantic's schema is a dict
    named = isinstance(kind, type) and issubclass(kind, RunInput)
    fields = typing.get_type_hints(kind) if named else {"value": kind}
    properties = {name: _property(name, hint, kind if named else None) for name, hint in fields.items()}
    required = [name for name in fields if not (named and hasattr(kind, name))]
    schema = {"type": "object", "title": getattr(kind, "__name__", "Input"), "properties": properties}
    return schema | {"additionalProperties": False} | ({"required": required} if required else {})


def _property(name: str, hint: Any, owner: Any) -> dict[str, Any]:
    found = {"title": name.replace("_", " ").title(), **msgspec.json.schema(hint)}
    return found | ({"default": getattr(owner, name)} if owner is not None and hasattr(owner, name) else {})


@dual
def send_input(
    run_input: Any, flow_run_id: UUID | str, sender: str | None = None, prefix: str | None = None
) -> Steps[None]:
    """Sends an input to a flow run, which gets it by `receive_input` of the same type."""
    here = flow_context.get()
    plain = run_input if not isinstance(run_input, RunInput) else None
    content = {"value": plain} if plain is not None else fields_of(run_input)
    sender = sender or (f"prefect.flow-run.{here.run.id}" if here else None)
    key = f"{prefix or _prefix(type(run_input))}-{new_id().hex}"
    body = InputCreate(key=key, value=json.dumps(content), sender=sender)
    yield Call(create_input, body, path={"id": flow_run_id})


asend_input = send_input.aio


class receive_input(Generic[T]):
    """The inputs of one type that come in, oldest first; ends after `timeout` seconds without one.

    for age in receive_input(Age, timeout=60): ...
    """

    def __init__(
        self,
        kind: type[T],
        timeout: float | None = 3600.0,
        poll_interval: float = 1.0,
        flow_run_id: UUID | None = None,
        prefix: str | None = None,
    ) -> None:
        self.kind = kind
        self.timeout = timeout
        self.poll_interval = poll_interval
        self.flow_run_id = flow_run_id or current_flow().run.id
        self.prefix = prefix or _prefix(kind)

    def __iter__(self) -> Iterator[T]:
        while True:
            try:
                yield self.next()
            except TimeoutError:
                return

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                yield await adrive(self._next())
            except TimeoutError:
                return

    def next(self) -> T:
        """The next one. Raises TimeoutError when none comes in time."""
        return drive(self._next())

    def _next(self) -> Steps[T]:
        until = None if self.timeout is None else time.monotonic() + self.timeout
        while True:
            body = InputQuery(prefix=self.prefix, limit=1)
            found = yield Call(filter_inputs, body, path={"id": self.flow_run_id})
            if found:
                yield Call(delete_input, path={"id": self.flow_run_id, "key": found[0].key})
                received: T = load(json.loads(found[0].value), self.kind)
                return received
            if until is not None and time.monotonic() > until:
                raise TimeoutError(f"No {self.prefix} input came within {self.timeout} seconds.")
            yield Sleep(self.poll_interval)


def _prefix(kind: type) -> str:
    return f"{kind.__name__.lower()}-auto" if not issubclass(kind, RunInput) else kind.__name__.lower()
