"""A deployment's overrides as job variables: agents changed the block by them, workers lay variables over a template.

The block is changed as an agent did it, and converted; what differs from the conversion of the block alone becomes
variables. So every rename, unit and type is that of the conversion. What variables can't say is told by a remark, and
asks for another template: one without the block's environment, or one of the deployment's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from penstock.core.block_overrides import OPEN, overridden
from penstock.core.infrastructure_blocks import (
    COMMON,
    INTERNAL,
    Conversion,
    InfrastructureBlock,
    Kind,
    Remark,
    Severity,
    convert,
)
from penstock.core.job_templates import fault_text, unfit
from penstock.core.template_additions import Addition, Change, additions
from penstock.errors import InvalidRequest
from penstock.names import nearest

NUMBERS = {"cpu": int, "memory": int, "max_retries": int, "maximum_run_time": float}
"""Fields that are numbers in the block, while their variables are text or called otherwise."""
LISTS = ("args", "command", "customizations", "task_customizations")
UNREADABLE = (ValueError, TypeError, AttributeError, KeyError)
"""What carrying a field over raises for a value that it can't read."""


class Base(StrEnum):
    """Which template the variables are laid over."""

    BLOCK = "block"
    """The block's own."""
    BARE = "bare"
    """The block's, without its environment, which the deployment replaces."""
    OWN = "own"
    """One for this deployment and those that change the block in the same way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What a deployment's overrides became."""

    base: Base
    conversion: Conversion
    """The template that the variables are laid over, without the additions."""
    variables: Mapping[str, Any]
    changed: InfrastructureBlock
    """The block as agents changed it, by all that meant something to them."""
    additions: tuple[Addition, ...] = ()
    remarks: tuple[Remark, ...] = ()


def translate(base: Conversion, kind: Kind, template: Mapping[str, Any], given: Mapping[str, Any]) -> Overrides:
    """The overrides as variables; `base` is the block's conversion by `kind`, `template` the pool type's own."""
    remarks: list[Remark] = []
    overrides = _meaningful(base.block, kind, given, template, remarks)
    try:
        found = _translated(base, kind, template, overrides)
        faults = _faults(found)
    except UNREADABLE:
        found, faults = None, ["it can't be read"]
    if found is None or faults:
        readable = {name: one for name, one in overrides.items() if _reads(base, kind, template, {name: one}, remarks)}
        found = _translated(base, kind, template, readable)
    return replace(found, remarks=(*found.remarks, *remarks))


def on_its_own(found: Overrides, kind: Kind, template: Mapping[str, Any]) -> Overrides:
    """The same job by a template of the deployment's own, where others of the block are in the way of its change."""
    made = convert(found.changed, kind, template)
    said = [_say_own(Change(one.path, None, one.value)) for one in found.additions[:1]]
    kept = [one for one in found.remarks if one.code != "C01" or one.severity is not Severity.NOTE]
    return replace(found, base=Base.OWN, conversion=made, variables={}, additions=(), remarks=(*kept, *said))


def say_ignored(overrides: Mapping[str, Any]) -> Remark:
    """What there is to say of overrides beside which no block stands (C11)."""
    listed = ", ".join(sorted(overrides))
    return Remark(
        "C11",
        Severity.WARNING,
        "job_variables",
        f"The overrides {listed} meant nothing without an infrastructure block, so they are left out.",
        "Set them as job variables after the upgrade, if they are wanted.",
    )


def _translated(base: Conversion, kind: Kind, template: Mapping[str, Any], overrides: Mapping[str, Any]) -> Overrides:
    if not overrides:
        return Overrides(
            base=Base.BLOCK, conversion=base, variables={}, changed=base.block, remarks=tuple(base.remarks)
        )
    changed = overridden(base.block, overrides)
    made = convert(changed, kind, template)
    which = Base.BLOCK
    if _loses(base, made):
        which, base = Base.BARE, convert(replace(base.block, data={**base.block.data, "env": {}}), kind, template)
    found = additions(base, made)
    if found.impossible or _loses(base, made):
        remarks = (*made.remarks, *map(_say_own, found.impossible[:1]))
        return Overrides(base=Base.OWN, conversion=made, variables={}, changed=changed, remarks=remarks)
    return Overrides(
        base=which,
        conversion=base,
        variables={**_variables(base, made), **found.values},
        changed=changed,
        additions=tuple(found.made),
        remarks=(*made.remarks, *map(_say_added, found.made), *([_say_bare()] if which is Base.BARE else [])),
    )


def _loses(base: Conversion, made: Conversion) -> bool:
    """Whether the deployment takes variables out of the environment: workers only add."""
    return not set(base.default_of("env") or {}) <= set(made.default_of("env") or {})


def _variables(base: Conversion, made: Conversion) -> dict[str, Any]:
    done: dict[str, Any] = {}
    for name in made.properties:
        old, new = base.default_of(name), made.default_of(name)
        if old == new:
            continue
        if name == "env":
            new = {key: one for key, one in new.items() if (old or {}).get(key) != one}
        done[name] = new
    return done


def _meaningful(
    block: InfrastructureBlock,
    kind: Kind,
    given: Mapping[str, Any],
    template: Mapping[str, Any],
    remarks: list[Remark],
) -> dict[str, Any]:
    """The overrides that lead somewhere, with text read as what it stands for."""
    common = {*COMMON} & {*template["variables"]["properties"]}
    known = {*kind.same, *kind.references, *kind.carried, *common, *kind.late} - INTERNAL
    done: dict[str, Any] = {}
    for name, value in given.items():
        first = name.partition(".")[0]
        if first not in known:
            remarks.append(_say_unknown(block, name, first, known))
            continue
        read = _read(first, value, template) if first == name else value
        try:
            changed = overridden(block, {**done, name: read})
        except InvalidRequest as error:
            remarks.append(_say_dropped(name, error.message, "agents failed to start its runs"))
            continue
        if wrong := next((one for one in OPEN if not isinstance(changed.data.get(one) or {}, Mapping)), None):
            remarks.append(_say_dropped(name, f"The value {value!r} is no mapping.", f"agents could not read {wrong}"))
            continue
        done[name] = read
    return done


def _read(name: str, value: Any, template: Mapping[str, Any]) -> Any:
    """Text as the field's kind of value, where the document has none there that would tell."""
    if not isinstance(value, str):
        return value
    schema = template.get("variables", {}).get("properties", {}).get(name, {})
    kinds = {schema.get("type"), *(one.get("type") for one in schema.get("anyOf", ()))}
    text = value.strip().lower() if "boolean" in kinds else value
    readable = kinds & {"boolean", "integer", "number", "array", "object"}
    if not (readable or name in NUMBERS or name in LISTS) or ("string" in kinds and name not in (*NUMBERS, *LISTS)):
        return value
    try:
        return json.loads(text)
    except ValueError:
        return value


def _faults(found: Overrides) -> list[str]:
    """What the pool would say of the variables; those that are added are made to fit."""
    added = {one.variable for one in found.additions}
    checked = {name: one for name, one in found.variables.items() if name not in added}
    return [fault_text(one) for one in unfit(found.conversion.template, checked)]


def _reads(
    base: Conversion, kind: Kind, template: Mapping[str, Any], one: Mapping[str, Any], remarks: list[Remark]
) -> bool:
    """Whether a single override can be carried over by itself; if not, that is said."""
    (name, value) = next(iter(one.items()))
    try:
        faults = _faults(_translated(base, kind, template, one))
    except UNREADABLE as error:
        faults = [str(error)]
    except InvalidRequest:
        return True
    if faults:
        remarks.append(_say_dropped(name, f"The value {value!r} can't be taken: {faults[0]}.", "agents refused it too"))
    return not faults


def _say_unknown(block: InfrastructureBlock, name: str, first: str, known: set[str]) -> Remark:
    near = nearest(first, known)
    return Remark(
        "C10",
        Severity.WARNING,
        name,
        f"The override {name!r} means nothing to a block of type {block.slug!r}; agents passed over it, and it is left "
        "out.",
        f"If {near!r} was meant, set that after the upgrade." if near else "Nothing to do: nothing changes.",
    )


def _say_dropped(name: str, why: str, before: str) -> Remark:
    return Remark(
        "C10",
        Severity.WARNING,
        name,
        f"The override {name!r} is left out: {why.rstrip('.')}; {before}.",
        "Correct the deployment's job variables, before or after the upgrade.",
    )


def _say_added(one: Addition) -> Remark:
    return Remark(
        "C01",
        Severity.NOTE,
        ".".join(one.path),
        f"What the deployment changes at /{'/'.join(one.path)} becomes the variable {one.variable!r} of the pool.",
        "Nothing to do.",
    )


def _say_own(change: Change) -> Remark:
    return Remark(
        "C01",
        Severity.WARNING,
        ".".join(change.path),
        f"What the deployment changes at {change.pointer} can't be a variable, so it gets a pool of its own.",
        "Start a worker for that pool too, or give up the change and use the block's pool.",
    )


def _say_bare() -> Remark:
    return Remark(
        "C10",
        Severity.NOTE,
        "env",
        "The deployment replaces all of the block's environment, where workers would add to it; it goes to a pool that "
        "is the block's without its environment.",
        "Start a worker for that pool too; or move it to the block's pool, if it may have the block's variables.",
    )
