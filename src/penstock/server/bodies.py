"""Turns a request's body into its endpoint's shape; what is wrong with it is said by place.

Lenient where Prefect's server is: an empty body stands for one without fields where all of them
have defaults, and an explicit null stands for the default of a field of a query.
"""

from __future__ import annotations

import re
from typing import Any, get_origin

import msgspec
from msgspec import DecodeError, ValidationError

from penstock.errors import InvalidRequest
from penstock.wire.model import Model
from penstock.wire.older_bodies import today

Place = tuple[str | int, ...]

_MISSING = re.compile(r"Object missing required field `(.+?)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`")
_EXPECTED = re.compile(r"Expected `(.+?)`, got `(.+?)`")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(\.\.\.)\]")
_KINDS = {
    "str": ("string_type", "Input should be a valid string"),
    "int": ("int_type", "Input should be a valid integer"),
    "float": ("float_type", "Input should be a valid number"),
    "bool": ("bool_type", "Input should be a valid boolean"),
    "object": ("model_attributes_type", "Input should be a valid object"),
    "array": ("list_type", "Input should be a valid list"),
    "uuid": ("uuid_type", "Input should be a valid UUID"),
    "datetime": ("datetime_type", "Input should be a valid datetime"),
}


class BodyInvalid(InvalidRequest):
    """The body does not have the endpoint's shape."""

    def __init__(self, kind: str, loc: Place, message: str, value: Any = None) -> None:
        super().__init__(message, loc=loc)
        self.kind = kind
        self.value = value


class Decoder:
    """Decodes one endpoint's bodies; the machine for it is made at the first use."""

    __slots__ = ("_decode", "_shape")

    def __init__(self, shape: Any) -> None:
        self._shape = shape
        self._decode: Any = None

    def decode(self, body: bytes) -> Any:
        """The body as the endpoint's shape; `BodyInvalid` says what is wrong, and where."""
        if self._decode is None:
            self._decode = msgspec.json.Decoder(self._shape).decode
        if not body or body == b"null":
            body = self._empty()
        try:
            return self._decode(body)
        except ValidationError as error:
            return self._again(body, error)
        except DecodeError as error:
            raise _malformed(error) from None
        except (UnicodeDecodeError, RecursionError):
            raise BodyInvalid("json_invalid", (0,), "JSON decode error") from None

    def _empty(self) -> bytes:
        if get_origin(self._shape) is None and issubclass(self._shape, msgspec.Struct | dict):
            return b"{}"
        raise BodyInvalid("missing", (), "Field required")

    def _again(self, body: bytes, error: ValidationError) -> Any:
        """Reads a query again without its null fields, which mean their defaults; what an older client writes anew."""
        try:
            raw = msgspec.json.decode(body)
        except (DecodeError, UnicodeDecodeError, RecursionError):
            raise BodyInvalid("json_invalid", (0,), "JSON decode error") from None
        without = self._without_nulls(raw)
        other = today(self._shape, raw) if without is None else without
        if other is not None and other != raw:
            try:
                return msgspec.convert(other, self._shape)
            except ValidationError as second:
                error = second
        raise _invalid(str(error), raw) from None

    def _without_nulls(self, raw: Any) -> dict[str, Any] | None:
        if isinstance(raw, dict) and get_origin(self._shape) is None and issubclass(self._shape, Model):
            return {name: value for name, value in raw.items() if value is not None}
        return None


def _malformed(error: DecodeError) -> BodyInvalid:
    found = re.search(r"\(byte (\d+)\)", str(error))
    return BodyInvalid("json_invalid", (int(found[1]) if found else 0,), "JSON decode error", {})


def _invalid(message: str, raw: Any) -> BodyInvalid:
    """msgspec's sentence as the four facts the API answers with."""
    said, _, path = message.partition(" - at `$")
    place = tuple(_steps(path.removesuffix("`")))
    if found := _MISSING.match(said):
        return BodyInvalid("missing", (*place, found[1]), "Field required", value_at(raw, place))
    if found := _UNKNOWN.match(said):
        inside = (*place, found[1])
        return BodyInvalid("extra_forbidden", inside, "Extra inputs are not permitted", value_at(raw, inside))
    kind, text = _worded(said)
    return BodyInvalid(kind, place, text, value_at(raw, place))


def _worded(said: str) -> tuple[str, str]:
    if found := _EXPECTED.match(said):
        wanted = found[1].split(" | ")[0]
        if wanted in _KINDS:
            return _KINDS[wanted]
        return "type_error", f"Input should be {found[1].replace(' | ', ' or ')}, not {found[2]}"
    if said == "Invalid UUID":
        return "uuid_parsing", "Input should be a valid UUID"
    if said.startswith("Invalid RFC3339"):
        return "datetime_parsing", "Input should be a valid datetime"
    if said.startswith("Invalid enum value"):
        return "enum", said
    return "value_error", said


def _steps(path: str) -> list[str | int]:
    return [step[1] or (int(step[2]) if step[2] else step[3]) for step in _STEP.finditer(path)]


def value_at(raw: Any, place: Place) -> Any:
    """The value at a place of a decoded body; None where the place leads nowhere."""
    for step in place:
        try:
            raw = raw[step]
        except (KeyError, IndexError, TypeError):
            return None
    return raw
