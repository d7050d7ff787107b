"""JSON Schema, as far as parameters and job variables use it: what is wrong with a value, and where.

Known: type, enum, const, anyOf, oneOf, allOf, $ref (into `definitions` or `$defs`), properties, required,
additionalProperties, items, prefixItems, uniqueItems, minimum and maximum (also exclusive), multipleOf,
lengths, pattern. Other keywords, formats among them, say nothing here. A library would do more and weigh
several packages; these schemas are made by pydantic, msgspec and people, from this vocabulary.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from penstock.names import nearest

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]

MOST_DEPTH = 64
"""How deep schemas may nest or refer to each other."""


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that is wrong: where in the value, which rule, and a sentence that names the value."""

    path: Path
    rule: str
    message: str
    lacking: str = ""
    """The key that an object must have and has not, where that is the fault."""

    def __str__(self) -> str:
        return f"{dotted(self.path)}: {self.message}" if self.path else self.message


def dotted(path: Path) -> str:
    """`("a", 0, "b")` as `a[0].b`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def violations(schema: Schema, value: Any, *, root: Schema | None = None, required: bool = True) -> list[Violation]:
    """All that is wrong with a value; `required=False` lets the outermost object lack what it must have."""
    if not required:
        schema = {key: rule for key, rule in schema.items() if key != "required"}
    return list(_check(schema, value, (), root if root is not None else schema, 0))


def _check(schema: Any, value: Any, path: Path, root: Schema, depth: int) -> Iterator[Violation]:
    if schema is True or schema == {} or depth > MOST_DEPTH:
        return
    if schema is False:
        yield Violation(path, "false", f"nothing is allowed here, but there is {value!r}")
        return
    if not isinstance(schema, Mapping):
        return
    for keyword, rule in schema.items():
        if check := _KEYWORDS.get(keyword):
            yield from check(rule, value, path, schema, root, depth)


_Check = Callable[[Any, Any, Path, Schema, Schema, int], Iterator[Violation]]

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list | tuple),
    "object": lambda value: isinstance(value, Mapping),
}
"""What a value of each type is."""


def _type(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    kinds = [rule] if isinstance(rule, str) else list(rule)
    if not any(TYPES.get(kind, lambda _: True)(value) for kind in kinds):
        yield Violation(path, "type", f"{value!r} is not of type {' or '.join(map(repr, kinds))}")


def _enum(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if not any(_same(value, allowed) for allowed in rule):
        meant = nearest(value, [one for one in rule if isinstance(one, str)]) if isinstance(value, str) else None
        hint = f"; did you mean {meant!r}?" if meant else ""
        yield Violation(path, "enum", f"{value!r} is not one of {list(rule)!r}{hint}")


def _const(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if not _same(value, rule):
        yield Violation(path, "const", f"{rule!r} was expected, not {value!r}")


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON, in which true is not 1."""
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def _any_of(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    found = [list(_check(option, value, path, root, depth + 1)) for option in rule]
    if found and all(found):
        # The option whose faults lie deepest is the one that was meant.
        yield from max(found, key=lambda faults: max(len(fault.path) for fault in faults))


def _all_of(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    for option in rule:
        yield from _check(option, value, path, root, depth + 1)


def _reference(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    target: Any = root
    for part in str(rule).lstrip("#/").split("/"):
        target = target.get(part) if isinstance(target, Mapping) else None
    if target is not None:
        yield from _check(target, value, path, root, depth + 1)


def _properties(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if isinstance(value, Mapping):
        for name, inner in rule.items():
            if name in value:
                yield from _check(inner, value[name], (*path, name), root, depth + 1)


def _required(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if isinstance(value, Mapping):
        for name in rule:
            if name not in value:
                yield Violation(path, "required", f"{name!r} is needed", lacking=name)


def _additional(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if not isinstance(value, Mapping):
        return
    known = schema.get("properties") or {}
    for name in value:
        if name in known:
            continue
        if rule is False:
            meant = nearest(str(name), known)
            hint = f"; did you mean {meant!r}?" if meant else ""
            yield Violation((*path, name), "additionalProperties", f"{name!r} is not known here{hint}")
        else:
            yield from _check(rule, value[name], (*path, name), root, depth + 1)


def _items(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if isinstance(value, list | tuple):
        first = len(schema.get("prefixItems") or ())
        for index, item in enumerate(value[first:], first):
            yield from _check(rule, item, (*path, index), root, depth + 1)


def _prefix(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if isinstance(value, list | tuple):
        for index, (inner, item) in enumerate(zip(rule, value, strict=False)):
            yield from _check(inner, item, (*path, index), root, depth + 1)


def _unique(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if rule and isinstance(value, list) and any(item in value[:index] for index, item in enumerate(value)):
        yield Violation(path, "uniqueItems", f"{value!r} has an item twice")


def _bound(name: str, words: str, holds: Callable[[Any, Any], bool]) -> _Check:
    """A check of a number against the rule's."""

    def check(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
        if TYPES["number"](value) and TYPES["number"](rule) and not holds(value, rule):
            yield Violation(path, name, f"{value!r} is not {words} {rule!r}")

    return check


def _length(name: str, kinds: Any, words: str, holds: Callable[[int, int], bool]) -> _Check:
    """A check of how long a text or list is."""

    def check(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
        if isinstance(value, kinds) and not holds(len(value), rule):
            yield Violation(path, name, f"{value!r} has a length of {len(value)}, which is not {words} {rule}")

    return check


def _pattern(rule: Any, value: Any, path: Path, schema: Schema, root: Schema, depth: int) -> Iterator[Violation]:
    if isinstance(value, str) and not re.search(rule, value):
        yield Violation(path, "pattern", f"{value!r} does not match the pattern {rule!r}")


_KEYWORDS: dict[str, _Check] = {
    "type": _type,
    "enum": _enum,
    "const": _const,
    "anyOf": _any_of,
    "oneOf": _any_of,
    "allOf": _all_of,
    "$ref": _reference,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _additional,
    "items": _items,
    "prefixItems": _prefix,
    "uniqueItems": _unique,
    "minimum": _bound("minimum", "at least", lambda value, rule: value >= rule),
    "maximum": _bound("maximum", "at most", lambda value, rule: value <= rule),
    "exclusiveMinimum": _bound("exclusiveMinimum", "more than", lambda value, rule: value > rule),
    "exclusiveMaximum": _bound("exclusiveMaximum", "less than", lambda value, rule: value < rule),
    "multipleOf": _bound("multipleOf", "a multiple of", lambda value, rule: rule == 0 or value % rule == 0),
    "minLength": _length("minLength", str, "at least", lambda size, rule: size >= rule),
    "maxLength": _length("maxLength", str, "at most", lambda size, rule: size <= rule),
    "minItems": _length("minItems", list, "at least", lambda size, rule: size >= rule),
    "maxItems": _length("maxItems", list, "at most", lambda size, rule: size <= rule),
    "pattern": _pattern,
}
