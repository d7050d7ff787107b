"""The types of settings, and how text becomes one."""

from __future__ import annotations

import types
import typing
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
Seconds = Annotated[float, Meta(ge=0.0, title="seconds")]
"""A duration: a number of seconds, or text such as `1:30:00` or `PT90M`."""
AtLeastZero = Annotated[float, Meta(ge=0.0)]
Positive = Annotated[float, Meta(gt=0.0)]
Port = Annotated[int, Meta(ge=0, le=65535)]

_TRUTH = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}


class Secret(str):
    """Text that does not show itself when it is printed as part of something else."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'********'"


def parse(raw: object, kind: Any) -> Any:
    """The value of type `kind` that text or a TOML value stands for. Raises ValueError saying what was expected."""
    kinds = _plain(kind)
    if isinstance(raw, str):
        raw = _from_text(raw, kinds)
    elif tuple in kinds and not isinstance(raw, list | bool):
        raw = [raw]
    try:
        return msgspec.convert(raw, kind, strict=False, dec_hook=_convert_own)
    except msgspec.ValidationError as error:
        choices = [repr(choice) for choice in typing.get_args(kind) if isinstance(choice, str)]
        expected = f"Expected one of {', '.join(choices)}" if choices else str(error)
        raise ValueError(expected.removesuffix(", got `str`")) from None  # all text is str at first


def is_secret(kind: Any) -> bool:
    """Whether values of this type are to be masked."""
    return Secret in _plain(kind)


def _plain(kind: Any) -> set[Any]:
    """The bare types of a possibly annotated, optional or generic type."""
    origin = typing.get_origin(kind)
    if origin is Annotated:
        return _plain(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return {plain for part in typing.get_args(kind) for plain in _plain(part)}
    return {origin or kind}


def _from_text(text: str, kinds: set[Any]) -> object:
    text = text.strip()
    if bool in kinds and text.lower() in _TRUTH:
        return _TRUTH[text.lower()]
    if {tuple, dict} & kinds:
        return _collection(text, kinds)
    if float in kinds and (":" in text or text[:1] == "P"):
        return _duration(text)
    if Literal in kinds:
        return text.upper() if text.upper() in typing.get_args(LogLevel) else text
    if kinds & {str, Secret, Path} and text != "null":
        return text
    return None if text in ("null", "None") else text


def _collection(text: str, kinds: set[Any]) -> object:
    if text[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(text)
        except msgspec.DecodeError as error:
            raise ValueError(f"Expected JSON, got {text!r}: {error}") from None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if dict in kinds:
        pairs = [part.partition("=") for part in parts]
        if not all(equals for _, equals, _ in pairs):
            raise ValueError(f"Expected JSON or `key=value,key=value`, got {text!r}")
        return {key.strip(): value.strip() for key, _, value in pairs}
    if float in kinds and len(parts) == 1:
        return parts[0]
    return parts


def _duration(text: str) -> float:
    """Seconds of `[days ]hours:minutes:seconds` or of an ISO 8601 duration."""
    import re

    clock = re.fullmatch(r"(?:(\d+)[ ,]\s*(?:days?,?\s*)?)?(\d+):(\d+)(?::(\d+(?:\.\d+)?))?", text)
    if not clock:
        clock = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", text)
    if not clock or text.endswith(("P", "T")):
        raise ValueError(f"Expected seconds, `HH:MM:SS` or an ISO 8601 duration, got {text!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in clock.groups())
    return days * 86400 + hours * 3600 + minutes * 60 + seconds


def _convert_own(kind: type, value: object) -> object:
    if not isinstance(value, str):
        raise TypeError(f"Expected `str`, got `{type(value).__name__}`")
    return Path(value).expanduser() if kind is Path else kind(value)
