"""What is wrong with a JSON schema itself: rules that would let everything through, or fail on every value.

Only what `json_schema.py` goes by is looked at; unknown keywords are nobody's fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from penstock.core.json_schema import MOST_DEPTH, TYPES, Path, Violation
from penstock.names import nearest


def schema_faults(schema: Any, path: Path = ()) -> Iterator[Violation]:
    """Each rule that is none, with its place in the schema."""
    if isinstance(schema, bool) or len(path) > 2 * MOST_DEPTH:
        return
    if not isinstance(schema, Mapping):
        yield Violation(path, "schema", f"{schema!r} is not a schema, which is an object")
        return
    for keyword, rule in schema.items():
        if keyword in _SCHEMAS:
            yield from _inner(rule, (*path, keyword))
        elif keyword in _RULES and (message := _RULES[keyword](rule)):
            yield Violation((*path, keyword), keyword, message)


def _inner(rule: Any, path: Path) -> Iterator[Violation]:
    """The schemas within a keyword: one, a list of them, or one for each name."""
    if path[-1] in _BY_NAME:
        if not isinstance(rule, Mapping):
            yield Violation(path, "schema", f"{rule!r} is not an object of schemas")
            return
        for name, one in rule.items():
            yield from schema_faults(one, (*path, name))
    elif path[-1] in _LISTS or (path[-1] == "items" and isinstance(rule, list)):
        if not isinstance(rule, list):
            yield Violation(path, "schema", f"{rule!r} is not a list of schemas")
            return
        for index, one in enumerate(rule):
            yield from schema_faults(one, (*path, index))
    else:
        yield from schema_faults(rule, path)


def _type(rule: Any) -> str | None:
    for kind in rule if isinstance(rule, list) else [rule]:
        if kind not in TYPES:
            near = nearest(str(kind), TYPES)
            hint = f"did you mean {near!r}?" if near else f"there are {', '.join(TYPES)}"
            return f"{kind!r} is not a type of JSON schemas; {hint}"
    return None


def _number(rule: Any) -> str | None:
    return None if isinstance(rule, int | float) else f"{rule!r} is not a number"


def _size(rule: Any) -> str | None:
    good = isinstance(rule, int) and not isinstance(rule, bool) and rule >= 0
    return None if good else f"{rule!r} is not a whole number of at least 0"


def _list(rule: Any) -> str | None:
    return None if isinstance(rule, list) else f"{rule!r} is not a list"


def _names(rule: Any) -> str | None:
    good = isinstance(rule, list) and all(isinstance(name, str) for name in rule)
    return None if good else f"{rule!r} is not a list of names"


def _pattern(rule: Any) -> str | None:
    try:
        re.compile(rule)
    except (re.error, TypeError) as error:
        return f"{rule!r} is not a regular expression: {error}"
    return None


_BY_NAME = ("properties", "definitions", "$defs")
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_SCHEMAS = (*_BY_NAME, *_LISTS, "items", "additionalProperties")
_RULES: dict[str, Callable[[Any], str | None]] = {
    "type": _type,
    "enum": _list,
    "required": _names,
    "pattern": _pattern,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _number),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), _size),
}
