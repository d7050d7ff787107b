"""What a deployment changes in a job beyond variables, made into variables of its pool's template.

Agents let a deployment change any part of a manifest. A pool has one template for all its deployments, so a part that
one of them changes becomes a variable: absent, or what the block said, for all the others.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from penstock.core.infrastructure_blocks import Conversion
from penstock.core.json_patch import pointer, put, value_at
from penstock.core.json_trees import copied
from penstock.core.template_grafts import Path, whole
from penstock.core.templates import placeholders
from penstock.errors import InvalidRequest

TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


class _Marker(Enum):
    ABSENT = "absent"


ABSENT = _Marker.ABSENT
"""Nothing stands there: not the same as null."""


@dataclass(frozen=True, slots=True)
class Change:
    """One part of a job that is not the same in two jobs."""

    path: Path
    old: Any
    new: Any

    @property
    def pointer(self) -> str:
        """Where, as it is written."""
        return pointer(self.path)


@dataclass(frozen=True, slots=True)
class Addition:
    """A variable for a part of the job that had none, and the placeholder that is put there."""

    path: Path
    variable: str
    schema: Mapping[str, Any]
    value: Any = None
    """What the deployment sets it to; None where a default of its own conversion says so."""
    is_new: bool = False
    """Whether no other part of the job goes by this variable."""


@dataclass(slots=True)
class Additions:
    """What the changes of a job come to: variables, and changes that no variable can make."""

    made: list[Addition] = field(default_factory=list)
    impossible: list[Change] = field(default_factory=list)

    @property
    def values(self) -> dict[str, Any]:
        """The job variables that make the changes."""
        return {one.variable: one.value for one in self.made if one.value is not None}


def additions(base: Conversion, made: Conversion) -> Additions:
    """How the job of `base` is made that of `made` by variables."""
    found = Additions()
    taken = {*base.properties, *made.properties}
    for change in changes(base.job, made.job):
        one = _addition(base, made, change, taken)
        if one is None:
            found.impossible.append(change)
        else:
            found.made.append(one)
            taken.add(one.variable)
    return found


def changes(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """The parts that differ, as deep down as both have the same shape."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*old, *new]):
            yield from changes(old.get(key, ABSENT), new.get(key, ABSENT), (*path, str(key)))
    elif _are_objects(old, new):
        for number, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from changes(one, other, (*path, str(number)))
    elif old != new:
        yield Change(path, old, new)


def with_additions(template: Mapping[str, Any], wanted: Iterable[Addition]) -> dict[str, Any]:
    """A copy of the template that has these variables too; `InvalidRequest` where two are in each other's way."""
    done = copied(dict(template))
    properties = done["variables"].setdefault("properties", {})
    for one in wanted:
        there = _there(done["job_configuration"], one.path)
        text = f"{{{{ {one.variable} }}}}"
        if there == text:
            _widen(properties[one.variable], one.schema)
            continue
        if placeholders(there) or (one.is_new and one.variable in properties):
            raise InvalidRequest(f"Something else is in the way of {one.variable!r} at {pointer(one.path)}.")
        properties.setdefault(one.variable, copied(dict(one.schema)))
        put(done["job_configuration"], one.path, text, replaces=True)
    return done


def _widen(known: dict[str, Any], schema: Mapping[str, Any]) -> None:
    """One deployment may set a number where another sets text."""
    if known.get("type") != schema.get("type"):
        known.pop("type", None)


def _there(job: Any, path: Path) -> Any:
    value_at(job, path[:-1])
    try:
        return value_at(job, path)
    except InvalidRequest:
        return None


def _are_objects(old: Any, new: Any) -> bool:
    both = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    return both and all(isinstance(one, Mapping) for one in (*old, *new))


def _addition(base: Conversion, made: Conversion, change: Change, taken: Collection[str]) -> Addition | None:
    old, new = change.old, change.new
    if new is ABSENT or (old is not ABSENT and placeholders(old)):
        return None
    default = {} if old is ABSENT else {"default": copied(old)}
    found = whole(new) if isinstance(new, str) else None
    if found and found.name in made.properties:
        known = base.properties.get(found.name) or made.properties[found.name]
        schema = {key: one for key, one in known.items() if key != "default"}
        return Addition(change.path, found.name, {**schema, **default}, is_new=found.name not in base.properties)
    if placeholders(new) or new is None:
        return None
    name = _name(change.path, taken)
    kind = TYPES.get(type(new))
    schema = {"title": name.replace("_", " ").capitalize(), **({"type": kind} if kind else {}), **default}
    return Addition(change.path, name, schema, copied(new), is_new=True)


def _name(path: Path, taken: Collection[str]) -> str:
    """After its place: the last part, and as many before it as make it one of a kind."""
    parts = [_words(part) for part in path if not part.isdigit()]
    for count in range(1, len(parts) + 1):
        name = "_".join(parts[-count:])
        if name not in taken:
            return name
    number = next(number for number in range(2, len(taken) + 3) if f"{parts[-1]}_{number}" not in taken)
    return f"{parts[-1]}_{number}"


def _words(part: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", part)
    return re.sub(r"\W+", "_", spaced).strip("_").lower() or "part"
