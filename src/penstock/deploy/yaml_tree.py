"""A YAML file as values that know their lines, and as nodes that know their places in the text.

The first is what checks need, to point at what is wrong; the second is what saving needs, to change one place and
leave every other character as it is. Plain words are what PyYAML, and so Prefect, takes them for (`yes` is true,
`012` is ten, `1e3` is a text), but that dates stay texts. What a hostile file could blow up is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

MOST_CHARACTERS = 1 << 20
MOST_VALUES = 200_000
"""Counted with every alias written out."""
MOST_DEEP = 60


class BadYaml(Exception):
    """The text is no YAML that can be read; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


class Block(dict[str, Any]):
    """A mapping that knows its line and those of its keys."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        self.repeated: list[tuple[str, int]] = []
        """Keys that are written again, with the line of the second."""

    def copy(self) -> Block:
        """Another with the same keys, values and lines."""
        found = Block(self.line)
        found.update(self)
        found.lines = dict(self.lines)
        return found

    def put(self, key: str, value: Any, line: int) -> None:
        """Sets a key unless it is there."""
        if key not in self:
            self[key], self.lines[key] = value, line


class Items(list[Any]):
    """A list that knows its line and those of its items."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


@dataclass(slots=True)
class Node:
    """One value where it is written, from `start` to `end` of the text; `column` counts from 0.

    `value` is what it means; of an alias `target` is the node that it stands for.
    """

    value: Any
    start: int
    end: int
    line: int
    column: int
    size: int = 1
    items: list[Node] = field(default_factory=list)
    """Of a list its items, of a mapping its keys and values in turn."""
    is_flow: bool = False
    target: Node | None = None
    text: str = ""
    """Of a word the word: as a key `on` is no truth."""

    @property
    def pairs(self) -> Iterator[tuple[Node, Node]]:
        """Keys and values of a mapping, as written: a merge is a key `<<`."""
        return zip(self.items[::2], self.items[1::2], strict=True)


def parse_yaml(text: str) -> Node | None:
    """The one document of a text; None when there is nothing in it. Raises `BadYaml`."""
    found = parse_documents(text)
    if len(found) > 1:
        raise BadYaml(found[1].begins, "a second document begins here, and a file has one")
    return found[0].root if found else None


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file; None as `root` is one with nothing in it."""

    root: Node | None
    begins: int
    """The line of its first mark, or of its first word."""


def parse_documents(text: str) -> list[Document]:
    """Every document of a text, in their order. Raises `BadYaml`."""
    if len(text) > MOST_CHARACTERS:
        raise BadYaml(1, f"it has more than {MOST_CHARACTERS >> 20} MiB")
    try:
        return _Composer(text).documents()
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise BadYaml(line, _reason(error)) from None
    except YAMLError as error:
        raise BadYaml(1, " ".join(str(error).split())) from None


def _reason(error: MarkedYAMLError) -> str:
    reason = str(error.problem or error)
    if "<stream end>" in reason:
        return "the file ends within something that is not closed"
    if "'\\t'" in reason or "\t" in reason:
        return "indent with spaces, YAML takes no tabs there"
    return reason


class _Composer:
    """From the parser's events to one tree."""

    def __init__(self, text: str) -> None:
        self.events: Iterator[Event] = iter(YAML(typ="safe", pure=True).parse(text))
        self.anchors: dict[str, Node | None] = {}
        self.deep = 0

    def documents(self) -> list[Document]:
        found: list[Document] = []
        for event in self.events:
            if isinstance(event, DocumentStartEvent):
                self.anchors = {}
                found.append(Document(self.root(), event.start_mark.line + 1))
        return found

    def root(self) -> Node | None:
        event = next(self.events)
        known = ScalarEvent | SequenceStartEvent | MappingStartEvent | AliasEvent
        return self.node(event) if isinstance(event, known) else None

    def node(self, event: Event) -> Node:
        anchor = getattr(event, "anchor", None)
        if isinstance(event, AliasEvent):
            return self.alias(event, str(anchor))
        if anchor:
            self.anchors[str(anchor)] = None
        found = _scalar(event) if isinstance(event, ScalarEvent) else self.collection(event)
        if anchor:
            self.anchors[str(anchor)] = found
        return found

    def alias(self, event: Event, name: str) -> Node:
        target = self.anchors.get(name)
        if target is None:
            what = "stands within itself" if name in self.anchors else "is given to nothing before it"
            raise BadYaml(event.start_mark.line + 1, f"the anchor {name!r} {what}")
        found = _placed(event, target.value)
        found.size, found.target, found.text = target.size, target, target.text
        return found

    def collection(self, event: Event) -> Node:
        found = _placed(event, None)
        found.is_flow = bool(getattr(event, "flow_style", False))
        self.deep += 1
        if self.deep > MOST_DEEP:
            raise BadYaml(found.line, f"values are nested more than {MOST_DEEP} deep")
        for one in self.events:
            if isinstance(one, MappingEndEvent | SequenceEndEvent):
                found.end = one.end_mark.index if found.is_flow or not found.items else found.items[-1].end
                break
            found.items.append(self.node(one))
        self.deep -= 1
        found.size += sum(item.size for item in found.items)
        if found.size > MOST_VALUES:
            raise BadYaml(found.line, f"with its aliases written out it has more than {MOST_VALUES} values")
        is_mapping = isinstance(event, MappingStartEvent)
        found.value = _mapping(found) if is_mapping else _sequence(found)
        return found


def _placed(event: Event, value: Any) -> Node:
    start, end = event.start_mark, event.end_mark
    return Node(value, start.index, end.index, start.line + 1, start.column)


def _sequence(node: Node) -> Items:
    found = Items(node.line)
    found.extend(item.value for item in node.items)
    found.lines = [item.line for item in node.items]
    return found


def _mapping(node: Node) -> Block:
    """Merged keys first, then its own, which win."""
    found = Block(node.line)
    own: set[str] = set()
    for key, value in node.pairs:
        if isinstance(key.value, dict | list):
            raise BadYaml(key.line, "a key must be a word; a template {{ ... }} must stand in quotes")
        if _is_merge(key):
            _merge(found, value, own)
            continue
        name = key.text
        if name in own:
            found.repeated.append((name, key.line))
        own.add(name)
        found[name], found.lines[name] = value.value, key.line
    return found


def _merge(found: Block, value: Node, own: set[str]) -> None:
    sources = value.value if isinstance(value.value, Items) else [value.value]
    taken: set[str] = set()
    for source in sources:
        if not isinstance(source, Block):
            raise BadYaml(value.line, "<< takes a mapping, or a list of mappings")
        for name in source.keys() - own - taken:
            found[name], found.lines[name] = source[name], source.lines[name]
        taken |= source.keys()


class _Merge(str):
    """The plain key `<<`."""


def _is_merge(key: Node) -> bool:
    return isinstance(key.value, _Merge)


_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUTHS = {
    spelling: truth
    for word, truth in {"yes": True, "no": False, "true": True, "false": False, "on": True, "off": False}.items()
    for spelling in (word, word.capitalize(), word.upper())
}
_WHOLE = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)")
_SIXTIES = re.compile(r"[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+")
_BROKEN = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d.*")
_TAGS = {"str": str, "int": int, "float": float, "bool": None, "null": None}


def _scalar(event: ScalarEvent) -> Node:
    found = _placed(event, event.value)
    found.text = str(event.value)
    tag = str(event.tag) if event.tag else ""
    if tag and tag != "!":
        found.value = _tagged(tag.removeprefix("tag:yaml.org,2002:").removeprefix("!!"), event)
    elif event.implicit[0]:
        found.value = _Merge("<<") if event.value == "<<" else plain_value(event.value)
    return found


def _tagged(tag: str, event: ScalarEvent) -> Any:
    if tag not in _TAGS:
        raise BadYaml(event.start_mark.line + 1, f"the tag {tag!r} means nothing here")
    kind = _TAGS[tag]
    try:
        return plain_value(event.value) if kind is None else kind(event.value)
    except ValueError:
        raise BadYaml(event.start_mark.line + 1, f"{event.value!r} is no {tag}") from None


def plain_value(text: str) -> Any:
    """What a word without quotes is: nothing, true or false, a number, or a text."""
    if text in _NULL:
        return None
    if text in _TRUTHS:
        return _TRUTHS[text]
    if text[0] not in "+-.0123456789":
        return text
    if _WHOLE.fullmatch(text):
        return _whole(text.replace("_", ""))
    if _BROKEN.fullmatch(text):
        return float(text.replace("_", ""))
    if _SIXTIES.fullmatch(text):
        return _sixties(text.replace("_", ""))
    if _ENDLESS.fullmatch(text):
        return float(text.replace(".", "").lower())
    return _moment(text) if _MOMENT.fullmatch(text) else text


def _whole(text: str) -> Any:
    sign, digits = (-1, text[1:]) if text[0] == "-" else (1, text.lstrip("+"))
    try:
        if digits.startswith(("0b", "0x")):
            return sign * int(digits, 0)
        return sign * int(digits, 8 if digits.startswith("0") and len(digits) > 1 else 10)
    except ValueError:  # nothing but a prefix, or thousands of digits
        return text


def _sixties(text: str) -> int:
    value = 0
    for part in text.lstrip("+-").split(":"):
        value = value * 60 + int(part)
    return -value if text[0] == "-" else value


def _moment(text: str) -> str:
    try:
        return datetime.fromisoformat(text.replace(" ", "T", 1).replace(" ", "")).isoformat()
    except ValueError:
        return text
