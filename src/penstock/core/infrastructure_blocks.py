"""Infrastructure blocks of the agent generation, and the base job template that each becomes.

A block says how an agent starts a job. Its fields become the defaults of the variables of a pool of the matching type;
what it says of a manifest goes into the template's own, whose placeholders stay, so that a deployment can still set
what it could before. Credentials stay references. What cannot be carried over is told by a `Remark`.

The codes are those of the upgrade's report; facts of the blocks are from Prefect 2.20.25 and the last releases of its
integrations for Prefect 2.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from penstock.core.json_trees import copied
from penstock.wire.blocks import BlockDocument

INTERNAL = frozenset(
    {"type", "block_type_slug", "_block_type_slug", "_block_document_id", "_block_document_name", "_is_anonymous"}
)
ENGINE = re.compile(r"(-m prefect\.engine|(prefect|penstock) flow-run execute)\s*$")
SPELT = re.compile(r"[\w-]+")
"""Names of blocks that can stand in a placeholder."""
OLD_IMAGE = re.compile(r"prefecthq/prefect:2(\.|-|$)")


class Severity(StrEnum):
    """How much a remark matters: an error keeps the conversion from being used."""

    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Remark:
    """What is not the same afterwards: a code, where in the job it shows, a sentence, and the way out."""

    code: str
    severity: Severity
    place: str
    sentence: str
    way_out: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InfrastructureBlock:
    """A stored infrastructure block: its type, its fields, and the ids of the blocks that fields refer to."""

    slug: str
    data: Mapping[str, Any]
    name: str | None = None
    """None when it is anonymous: then no placeholder can name it."""
    references: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: BlockDocument) -> InfrastructureBlock:
        """The block of a document, as the API answers it."""
        named = None if document.is_anonymous else document.name
        slug = document.block_type.slug if document.block_type else ""
        found = ((name, _document_id(one)) for name, one in document.block_document_references.items())
        return cls(slug=slug, data=document.data, name=named, references={name: id for name, id in found if id})

    @property
    def title(self) -> str:
        """How people name it."""
        return f"{self.slug}/{self.name or 'anonymous'}"

    def reference(self, place: str) -> dict[str, Any] | None:
        """The block that a field refers to, as a template refers to it; None when it was never stored."""
        value = self.data.get(place)
        if isinstance(value, Mapping) and "$ref" in value:
            return dict(value)
        id = self.references.get(place) or (value.get("_block_document_id") if isinstance(value, Mapping) else None)
        return {"$ref": {"block_document_id": str(id)}} if id else None

    def own_reference(self, place: str) -> str | None:
        """One of its own fields as a placeholder that is filled when a job starts; None for an anonymous block, and for
        one whose name a placeholder can't spell."""
        is_spelt = self.name and SPELT.fullmatch(self.name)
        return f"{{{{ prefect.blocks.{self.slug}.{self.name}.{place} }}}}" if is_spelt else None


@dataclass(slots=True)
class Conversion:
    """A template in the making, and what there is to say about it. `template` is its own to change."""

    block: InfrastructureBlock
    template: dict[str, Any]
    remarks: list[Remark] = field(default_factory=list)

    @property
    def properties(self) -> dict[str, Any]:
        """The variables' schemas, by name."""
        found: dict[str, Any] = self.template["variables"].setdefault("properties", {})
        return found

    @property
    def job(self) -> dict[str, Any]:
        """The job with its placeholders."""
        found: dict[str, Any] = self.template["job_configuration"]
        return found

    @property
    def is_usable(self) -> bool:
        """Whether no remark is an error."""
        return all(one.severity is not Severity.ERROR for one in self.remarks)

    def default(self, variable: str, value: Any) -> None:
        """Makes it the variable's default; null makes it have none, which takes back the type's own."""
        schema = self.properties.setdefault(variable, {"title": variable})
        schema["default"] = copied(_typed(value, schema.get("type")))

    def default_of(self, variable: str) -> Any:
        """What the variable is when nobody sets it."""
        return self.properties.get(variable, {}).get("default")

    def merge(self, variable: str, values: Mapping[str, Any], *, below: bool = False) -> None:
        """Adds to the default of a variable that is a mapping; `below` lets what is there win."""
        known = self.default_of(variable) or {}
        self.default(variable, {**values, **known} if below else {**known, **values})

    def say(self, code: str, severity: Severity, place: str, sentence: str, way_out: str) -> None:
        """Puts it into the report, once."""
        remark = Remark(code, severity, place, sentence, way_out)
        if remark not in self.remarks:
            self.remarks.append(remark)


Carry = Callable[[Conversion, Any], None]
"""Carries one field's value (never None) over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What the blocks of one type are made of, and how each field is carried into a pool of one type."""

    slug: str
    pool_type: str
    same: Sequence[str] = ()
    """Fields whose variable has the same name and type."""
    references: Mapping[str, str] = field(default_factory=dict)
    """Fields that are blocks, and the variable of each."""
    carried: Mapping[str, Carry] = field(default_factory=dict)
    """Fields that become something else."""
    unset: Mapping[str, Any] = field(default_factory=dict)
    """Variables whose default differs from what the block does when a field is not set."""
    begin: Callable[[Conversion], None] | None = None
    """What is laid into the template before the fields, which win over it,"""
    finish: Callable[[Conversion], None] | None = None
    """... and what is changed after them."""
    late: frozenset[str] = frozenset()
    """The fields that these two see to."""


def convert(block: InfrastructureBlock, kind: Kind, template: Mapping[str, Any]) -> Conversion:
    """The base job template in which a pool of this kind does what the block did; `template` is the type's own."""
    done = Conversion(block, copied(dict(template)))
    for variable, value in kind.unset.items():
        if variable in done.properties and done.default_of(variable) != value:
            done.default(variable, value)
            _say_default(done, variable, value)
    if kind.begin:
        kind.begin(done)
    for name, value in block.data.items():
        if name not in INTERNAL | kind.late and value is not None:
            _carry(done, kind, name, value)
    if kind.finish:
        kind.finish(done)
    return done


def words(command: Any) -> str:
    """A command as a shell would read it."""
    return command if isinstance(command, str) else shlex.join(str(one) for one in command)


def _typed(value: Any, kind: str | None) -> Any:
    """Text from a command line as the variable's type; as it is where it can't be read so."""
    if not isinstance(value, str) or kind not in ("boolean", "integer", "number", "array", "object"):
        return value
    try:
        return json.loads(value.strip().lower() if kind == "boolean" else value)
    except ValueError:
        return value


def _carry(done: Conversion, kind: Kind, name: str, value: Any) -> None:
    carry = kind.carried.get(name) or COMMON.get(name)
    if carry:
        carry(done, value)
    elif name in kind.references:
        _refer(done, name, kind.references[name])
    elif name in kind.same:
        done.default(name, value)
    else:
        done.say(
            "C10",
            Severity.WARNING,
            name,
            f"The field {name!r} has no equivalent in a pool of type {kind.pool_type!r}, so it is left out.",
            "Put what it did into the pool's template, if it is still needed.",
        )


def _refer(done: Conversion, name: str, variable: str) -> None:
    found = done.block.reference(name)
    if found:
        done.default(variable, found)
        return
    done.say(
        "C07",
        Severity.ERROR,
        variable,
        f"The block in {name!r} was never stored by itself, so the pool can't refer to it.",
        f"Store it as a block of its own, and set it as the field {name!r} of {done.block.title}.",
    )


def _environment(done: Conversion, value: Mapping[str, Any]) -> None:
    for name in (name for name, one in value.items() if one is None):
        done.say(
            "C10",
            Severity.WARNING,
            f"env.{name}",
            f"The block removes the variable {name} from the environment; a pool can only set variables.",
            f"Unset {name} where the worker is started, if it is set there.",
        )
    if kept := {name: str(one) for name, one in value.items() if one is not None}:
        done.merge("env", kept)


def _labels(done: Conversion, value: Mapping[str, Any]) -> None:
    if value:
        done.merge("labels", {name: str(one) for name, one in value.items() if one is not None})


def _name(done: Conversion, value: Any) -> None:
    done.default("name", value)


def _command(done: Conversion, value: Any) -> None:
    text = words(value)
    if ENGINE.search(text):
        return
    if text:
        done.default("command", text)
        done.say(
            "C15",
            Severity.WARNING,
            "command",
            f"The block starts its jobs by {text!r}, which does not end in the command that runs a flow run.",
            "See to it that it ends in: penstock flow-run execute",
        )


def _image(done: Conversion, value: str) -> None:
    done.default("image", value)
    if OLD_IMAGE.search(value):
        done.say(
            "C14",
            Severity.WARNING,
            "image",
            f"The image {value!r} holds Prefect 2, which runs flows without what workers add.",
            "Set an image with this version as the pool's default `image` when you are ready.",
        )


COMMON: Mapping[str, Carry] = {
    "env": _environment,
    "labels": _labels,
    "name": _name,
    "command": _command,
    "image": _image,
}


def _say_default(done: Conversion, variable: str, value: Any) -> None:
    shown = "nothing" if value is None else repr(value)
    done.say(
        "C20",
        Severity.NOTE,
        variable,
        f"Where the block sets no {variable!r} it means {shown}; the pool's type would mean something else.",
        "Nothing to do: the block's meaning is written into the template.",
    )


def _document_id(reference: Mapping[str, Any]) -> str | None:
    found = reference.get("block_document")
    id = found.get("id") if isinstance(found, Mapping) else reference.get("block_document_id")
    return str(id) if id else None
