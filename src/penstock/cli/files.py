"""Files and text that people hand to commands."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from penstock.cli.console import Failure


def read_text(path: str) -> str:
    """The text of a file; `-` is standard input. Raises Failure when it can't be read."""
    if path == "-":
        return sys.stdin.read()
    try:
        return Path(path).expanduser().read_text()
    except OSError as error:
        raise Failure(f"Can't read {path}: {error.strerror}.") from None


def read_json_file(path: str) -> Any:
    """What a JSON file holds. Raises Failure when it is not there or not JSON."""
    return parse_json(read_text(path), f"The file {path}")


def parse_json(text: str, what: str) -> Any:
    """The value of a JSON text; `what` names it in the Failure."""
    import msgspec

    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise Failure(f"{what} is not valid JSON: {error}.") from None


def parse_object(text: str, what: str) -> dict[str, Any]:
    """As `parse_json`, and it must be an object."""
    value = parse_json(text, what)
    if not isinstance(value, dict):
        raise Failure(f"{what} must be a JSON object.")
    return value


def parse_pairs(pairs: tuple[str, ...], what: str) -> dict[str, Any]:
    """`key=value` pairs; a value that is JSON is taken as such, all else as text."""
    import msgspec

    values: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not equals:
            raise Failure(f"Can't understand the {what} {pair!r}: write it as key=value.")
        try:
            values[key] = msgspec.json.decode(text)
        except msgspec.DecodeError:
            values[key] = text
    return values


def object_and_pairs(whole: str | None, pairs: tuple[str, ...], option: str, what: str) -> dict[str, Any]:
    """What a JSON object (the value of `option`; `-` reads standard input) and `key=value` pairs say together."""
    values: dict[str, Any] = {}
    if whole is not None:
        text = read_text(whole) if whole == "-" else whole
        if not text.strip():
            raise Failure(f"No {what}s came on standard input.")
        values = parse_object(text, f"The text for {option}")
    return {**values, **parse_pairs(pairs, what)}
