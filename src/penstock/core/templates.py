"""Templates: text, lists and mappings with `{{ name }}` in them (semantics.md 12).

Rendering never does I/O. A caller renders the plain names, asks `references` what is still needed from the
API, reads it, and lets `resolve` put it in:

    half = render(template, values, environment=environ)
    needed = references(half)
    done = resolve(half, Found(blocks={...}, variables={...}))

A placeholder that is the whole text gives the value with its type; within longer text it gives text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from penstock.errors import TemplateInvalid

_PLACEHOLDER = re.compile(r"\{\{\s*([\w.\-\[\]$]+)\s*\}\}")
_BRACES = re.compile(r"\{\{[^{}\n]{0,40}(?:\}\})?|\}\}")
_PART = re.compile(r"[^.\[\]]+|\[-?\d+\]")
BLOCKS = "prefect.blocks."
VARIABLES = "prefect.variables."
CONTEXT = "ctx."


class Missing(Enum):
    """What becomes of a placeholder without a value."""

    DROP = "drop"
    """Its key or item goes; within text it becomes nothing."""
    KEEP = "keep"
    """It stays as it is written, for whoever renders next."""


class Kind(Enum):
    """Where a placeholder's value comes from."""

    VALUE = "value"
    ENVIRONMENT = "environment"
    BLOCK = "block"
    VARIABLE = "variable"
    CONTEXT = "context"


_OF_API = (Kind.BLOCK, Kind.VARIABLE)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One `{{ name }}`; the name is without the `$` of an environment variable."""

    text: str
    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class BlockReference:
    """`prefect.blocks.<type slug>.<name>` and the path into its data."""

    type_slug: str
    name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class References:
    """What a template needs from the API."""

    blocks: frozenset[BlockReference] = frozenset()
    documents: frozenset[str] = frozenset()
    variables: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.blocks or self.documents or self.variables)


@dataclass(frozen=True, slots=True)
class Found:
    """What the API gave for `References`: block data by (type slug, name) and by document id, variables by name."""

    blocks: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    documents: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)


def placeholders(template: Any) -> list[Placeholder]:
    """Every placeholder, in the order of writing; one used twice is listed twice."""
    if isinstance(template, str):
        return [_placeholder(found) for found in _PLACEHOLDER.finditer(template)] if "{{" in template else []
    if isinstance(template, Mapping):
        return [one for value in template.values() for one in placeholders(value)]
    if isinstance(template, list | tuple):
        return [one for value in template for one in placeholders(value)]
    return []


def render(
    template: Any,
    values: Mapping[str, Any],
    *,
    environment: Mapping[str, str] | None = None,
    missing: Missing = Missing.DROP,
) -> Any:
    """The template with the plain names filled in, and `{{ $NAME }}` where an environment is given.

    Blocks, variables and `ctx` stay for `resolve`. An environment variable that is not
    set becomes nothing (or stays, with `Missing.KEEP`). None when nothing is left.
    """

    def lookup(placeholder: Placeholder) -> Any:
        if placeholder.kind is Kind.ENVIRONMENT and environment is not None:
            absent = _KEEP if missing is Missing.KEEP else ""
            return environment.get(placeholder.name, absent)
        if placeholder.kind is not Kind.VALUE:
            return _KEEP
        value = walk(values, placeholder.name)
        return _KEEP if value is ABSENT and missing is Missing.KEEP else value

    return _applied(template, lookup)


def references(template: Any) -> References:
    """The blocks and variables that `resolve` will want."""
    found = placeholders(template)
    return References(
        blocks=frozenset(block_reference(one.name) for one in found if one.kind is Kind.BLOCK),
        documents=frozenset(_documents(template)),
        variables=frozenset(_variable(one) for one in found if one.kind is Kind.VARIABLE),
    )


def resolve(template: Any, found: Found, *, context: Mapping[str, Any] | None = None, keep_blocks: bool = False) -> Any:
    """The template with blocks and variables put in. A variable that is not there becomes empty text.

    With a `context` (`{"flow": ..., "flow_run": ...}`) `{{ ctx... }}` is put in too; in the same pass, so that no
    secret is read as a template, and no run is named so that it gets one. With `keep_blocks` references to blocks
    stay for a later reader, so that no secret is written down.
    Raises `TemplateInvalid` for a block that is not there, and for a mapping or list within longer text.
    """

    def lookup(placeholder: Placeholder) -> Any:
        if placeholder.kind is Kind.CONTEXT and context is not None:
            return walk({"ctx": context}, placeholder.name)
        return _KEEP if keep_blocks and placeholder.kind is Kind.BLOCK else _referred(placeholder, found)

    return _applied(template, lookup, found=None if keep_blocks else found)


def fill(template: Any, values: Mapping[str, Any], found: Found, *, environment: Mapping[str, str]) -> Any:
    """The template with all of it put in at once: plain names, environment, blocks and variables.

    No value is read as a template again, so what a program printed, or a secret, can't ask for another secret.
    Raises as `resolve` does.
    """

    def lookup(placeholder: Placeholder) -> Any:
        if placeholder.kind is Kind.ENVIRONMENT:
            return environment.get(placeholder.name, "")
        return walk(values, placeholder.name) if placeholder.kind is Kind.VALUE else _referred(placeholder, found)

    return _applied(template, lookup, found=found)


def unfilled(template: Any, values: Mapping[str, Any]) -> list[str]:
    """The plain names that have no value, each once."""
    plain = (one.name for one in placeholders(template) if one.kind is Kind.VALUE)
    return list(dict.fromkeys(name for name in plain if walk(values, name) is ABSENT))


def unset(template: Any, environment: Mapping[str, str]) -> list[str]:
    """The environment variables that are not set, each once."""
    asked = (one.name for one in placeholders(template) if one.kind is Kind.ENVIRONMENT)
    return list(dict.fromkeys(name for name in asked if name not in environment))


def odd_braces(text: str) -> str | None:
    """Doubled braces that belong to no placeholder, with what stands right behind them; None where all is well."""
    if "{{" not in text and "}}" not in text:
        return None
    found = _BRACES.search(_PLACEHOLDER.sub("", text))
    return found.group() if found else None


def block_reference(name: str) -> BlockReference:
    """The block that a placeholder's name means; `TemplateInvalid` when it lacks a type or name."""
    slug, _, rest = name.removeprefix(BLOCKS).partition(".")
    document, _, path = rest.partition(".")
    if not slug or not document:
        raise TemplateInvalid(f"{{{{ {name} }}}} must be {{{{ prefect.blocks.<type>.<name> }}}}.")
    return BlockReference(slug, document, path)


def walk(values: Any, name: str) -> Any:
    """The value at `a.b[0].c`, or `ABSENT`."""
    if isinstance(values, Mapping) and name in values:
        return values[name]
    for part in _PART.findall(name):
        values = _step(values, part)
        if values is ABSENT:
            return ABSENT
    return values


def _step(values: Any, part: str) -> Any:
    if part.startswith("["):
        index = int(part[1:-1])
        fits = isinstance(values, list | tuple) and -len(values) <= index < len(values)
        return values[index] if fits else ABSENT
    return values.get(part, ABSENT) if isinstance(values, Mapping) else ABSENT


class _Marker(Enum):
    ABSENT = "absent"
    KEEP = "keep"


ABSENT = _Marker.ABSENT
"""No value: not the same as a value of None."""
_KEEP = _Marker.KEEP

_Lookup = Callable[[Placeholder], Any]


def _placeholder(found: re.Match[str]) -> Placeholder:
    name = found.group(1)
    if name.startswith("$"):
        return Placeholder(found.group(0), name[1:], Kind.ENVIRONMENT)
    kinds = {BLOCKS: Kind.BLOCK, VARIABLES: Kind.VARIABLE, CONTEXT: Kind.CONTEXT}
    kind = next((kind for prefix, kind in kinds.items() if name.startswith(prefix)), Kind.VALUE)
    return Placeholder(found.group(0), name, kind)


def _variable(placeholder: Placeholder) -> str:
    return placeholder.name.removeprefix(VARIABLES)


def _referred(placeholder: Placeholder, found: Found) -> Any:
    if placeholder.kind is Kind.BLOCK:
        return _block_value(block_reference(placeholder.name), found)
    if placeholder.kind is Kind.VARIABLE:
        value = found.variables.get(_variable(placeholder))
        return "" if value is None else value
    return _KEEP


def _applied(template: Any, lookup: _Lookup, *, found: Found | None = None) -> Any:
    """With `found`, references to documents are put in on the way."""

    def apply(part: Any) -> Any:
        if isinstance(part, str):
            return _apply_text(part, lookup)
        if isinstance(part, Mapping):
            own = _document_of(part)
            return _apply_mapping(part, apply) if own is None or found is None else _document(own, found)
        if isinstance(part, list | tuple):
            return [value for value in map(apply, part) if value is not ABSENT]
        return part

    done = apply(template)
    return None if done is ABSENT else done


def _apply_mapping(template: Mapping[str, Any], apply: Callable[[Any], Any]) -> dict[str, Any]:
    done = ((key, apply(value)) for key, value in template.items())
    return {key: value for key, value in done if value is not ABSENT}


def _apply_text(template: str, lookup: _Lookup) -> Any:
    if "{{" not in template:
        return template
    whole = _PLACEHOLDER.fullmatch(template.strip())
    if whole:
        value = lookup(_placeholder(whole))
        return template if value is _KEEP else value

    def inline(found: re.Match[str]) -> str:
        placeholder = _placeholder(found)
        value = lookup(placeholder)
        if value is _KEEP:
            return placeholder.text
        if placeholder.kind in _OF_API and isinstance(value, Mapping | list):
            raise TemplateInvalid(f"{placeholder.text} is a {type(value).__name__} and can't stand within text.")
        return "" if value is ABSENT else str(value)

    return _PLACEHOLDER.sub(inline, template)


def _block_value(reference: BlockReference, found: Found) -> Any:
    """A block of one field named `value` is that value."""
    data: Any = found.blocks.get((reference.type_slug, reference.name))
    if data is None:
        raise TemplateInvalid(f"There is no block {reference.type_slug}/{reference.name}.")
    path = reference.path
    if set(data) == {"value"}:
        data, path = data["value"], path.removeprefix("value").lstrip(".") if _begins(path, "value") else path
    value = walk(data, path) if path else data
    if value is ABSENT:
        raise TemplateInvalid(f"The block {reference.type_slug}/{reference.name} has no {reference.path!r}.")
    return value


def _begins(path: str, part: str) -> bool:
    return path == part or path.startswith((f"{part}.", f"{part}["))


def _documents(template: Any) -> list[str]:
    """Ids of `{"$ref": {"block_document_id": ...}}` objects."""
    if isinstance(template, Mapping):
        own = _document_of(template)
        return [own] if own else [one for value in template.values() for one in _documents(value)]
    if isinstance(template, list | tuple):
        return [one for value in template for one in _documents(value)]
    return []


def _document_of(template: Mapping[str, Any]) -> str | None:
    reference = template.get("$ref")
    if len(template) == 1 and isinstance(reference, Mapping) and reference.get("block_document_id"):
        return str(reference["block_document_id"])
    return None


def _document(id: str, found: Found) -> dict[str, Any]:
    if id not in found.documents:
        raise TemplateInvalid(f"There is no block document {id}.")
    return dict(found.documents[id])
