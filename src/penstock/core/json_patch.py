"""Changes to a JSON document by RFC 6902, as infrastructure blocks of the agent generation make them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from penstock.errors import InvalidRequest

APPEND = "-"


@dataclass(frozen=True, slots=True)
class Operation:
    """One change: what is done (`add`, `replace`, `remove`, `test`, `move`, `copy`), where, with what."""

    op: str
    path: tuple[str, ...]
    value: Any = None
    source: tuple[str, ...] = ()

    @property
    def pointer(self) -> str:
        """Where, as it is written."""
        return pointer(self.path)


def operations(patch: Any) -> list[Operation]:
    """A patch, given as a list of objects or as JSON text; `InvalidRequest` says what in it is none."""
    if isinstance(patch, str):
        try:
            patch = json.loads(patch)
        except ValueError as error:
            raise InvalidRequest(f"The customizations are no JSON: {error}.") from None
    if not isinstance(patch, Sequence):
        raise InvalidRequest("Customizations must be a list of RFC 6902 operations.")
    return [_operation(one) for one in patch]


def apply(document: Any, patch: Sequence[Operation]) -> Any:
    """A changed copy; `InvalidRequest` names the operation that leads nowhere."""
    done = deepcopy(document)
    for one in patch:
        done = _apply(done, one)
    return done


def steps(text: str) -> tuple[str, ...]:
    """The parts of a pointer: `/metadata/labels/a~1b` is `metadata`, `labels`, `a/b`."""
    if text and not text.startswith("/"):
        raise InvalidRequest(f"{text!r} is no JSON pointer: it must begin with '/'.")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:])


def pointer(path: Sequence[str]) -> str:
    """The parts as one pointer."""
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def value_at(document: Any, path: Sequence[str]) -> Any:
    """What stands there; `InvalidRequest` where nothing does."""
    for depth, part in enumerate(path):
        if isinstance(document, Mapping) and part in document:
            document = document[part]
        elif isinstance(document, list) and part.isdigit() and int(part) < len(document):
            document = document[int(part)]
        else:
            raise InvalidRequest(f"There is nothing at {pointer(path[: depth + 1])}.")
    return document


def put(document: Any, path: Sequence[str], value: Any, *, replaces: bool = False) -> None:
    """Sets a value in place: in a list it is inserted, unless it `replaces` what is there."""
    holder, last = value_at(document, path[:-1]), path[-1]
    if isinstance(holder, dict):
        holder[last] = value
    elif isinstance(holder, list) and last == APPEND:
        holder.append(value)
    elif isinstance(holder, list) and last.isdigit() and int(last) <= len(holder):
        place = int(last)
        holder[place : place + replaces] = [value]
    else:
        raise InvalidRequest(f"Nothing can be put at {pointer(path)}.")


def drop(document: Any, path: Sequence[str]) -> None:
    """Removes what is there, in place."""
    value_at(document, path)
    holder, last = value_at(document, path[:-1]), path[-1]
    del holder[int(last) if isinstance(holder, list) else last]


def _operation(given: Any) -> Operation:
    if not isinstance(given, Mapping) or "op" not in given or "path" not in given:
        raise InvalidRequest(f"{given!r} is no RFC 6902 operation: it needs `op` and `path`.")
    source = steps(str(given["from"])) if "from" in given else ()
    return Operation(str(given["op"]), steps(str(given["path"])), deepcopy(given.get("value")), source)


def _apply(document: Any, one: Operation) -> Any:
    if one.op not in ("add", "replace", "remove", "test", "move", "copy"):
        raise InvalidRequest(f"{one.op!r} is no operation of RFC 6902.")
    if not one.path:
        return deepcopy(one.value) if one.op in ("add", "replace") else document
    if one.op == "test":
        if value_at(document, one.path) != one.value:
            raise InvalidRequest(f"{one.pointer} is not {one.value!r}, as a customization expects.")
    elif one.op == "remove":
        drop(document, one.path)
    elif one.op in ("move", "copy"):
        value = deepcopy(value_at(document, one.source))
        if one.op == "move":
            drop(document, one.source)
        put(document, one.path, value)
    else:
        if one.op == "replace":
            value_at(document, one.path)
        put(document, one.path, deepcopy(one.value), replaces=one.op == "replace")
    return document
