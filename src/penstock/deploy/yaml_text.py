"""Plain values as YAML text, and YAML text that is no project file, such as automations, as plain values."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from penstock.errors import DeployFailed

WIDE = 1 << 20
# Texts that other readers of YAML, which know its first version, take for something else.
_AMBIGUOUS = re.compile(r"(?i:y|n|yes|no|on|off)|[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?|[-+]?0[0-7_]+|=|<<")


def from_yaml(text: str, path: str) -> Any:
    """The values of a YAML text; `path` names it in the error. Raises `DeployFailed` when it is not YAML."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise DeployFailed(f"{path} is not valid YAML: {' '.join(str(error).split())}") from None


def to_yaml(value: Any) -> str:
    """Plain values as YAML, keys in their order."""
    return _dumped(value)


def as_block(value: Any, indent: int = 0, *, offset: int = 0, nulls: bool = False) -> str:
    """As lines in block style, moved right by `indent`; lists stand `offset` right of their key.

    Nothing is written as nothing, or with `nulls` as the word.
    """
    text = _dumped(_tidy(value), offset, nulls=nulls)
    if offset and isinstance(value, list | tuple):  # a list at the top is moved too, and is not meant
        text = "\n".join(line[offset:] for line in text.split("\n"))
    return "\n".join(" " * indent + line if line else line for line in text.split("\n"))


def as_flow(value: Any, *, json: bool = False) -> str:
    """On one line; mappings and lists in braces, as JSON if they are to stand where JSON may be read."""
    if isinstance(value, str) and not json:
        return plain(value)
    if json or not isinstance(value, dict | list | tuple):
        return msgspec.json.encode(value).decode()
    block = CommentedMap(value=_tidy(value, blocks=False))
    block["value"].fa.set_flow_style()
    return _dumped(block).removeprefix("value: ")


def plain(text: str) -> str:
    """A text as YAML takes it for that text, in quotes only if need be."""
    return _dumped({"value": _text(text, blocks=False)}).removeprefix("value: ")


def _tidy(value: Any, *, blocks: bool = True) -> Any:
    """Texts of several lines as blocks, ambiguous ones in quotes."""
    if isinstance(value, Mapping):
        return CommentedMap({_text(str(key), blocks=False): _tidy(one, blocks=blocks) for key, one in value.items()})
    if isinstance(value, list | tuple):
        return CommentedSeq([_tidy(one, blocks=blocks) for one in value])
    return _text(value, blocks=blocks) if isinstance(value, str) else value


def _text(text: str, *, blocks: bool) -> str:
    if blocks and "\n" in text and not re.search(r"[\t\r]| \n| $|^\s|\n\n$", text):
        text = LiteralScalarString(text)
    elif _AMBIGUOUS.fullmatch(text):
        text = DoubleQuotedScalarString(text)
    return text


class _WithNulls(RoundTripRepresenter):
    """Writes nothing as a word."""

    def null(self, _: None) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")


_WithNulls.add_representer(type(None), _WithNulls.null)


def _dumped(value: Any, offset: int = 0, *, nulls: bool = False) -> str:
    yaml = YAML(typ="rt", pure=True)
    if nulls:
        yaml.Representer = _WithNulls
    yaml.default_flow_style = False
    yaml.width = WIDE
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=2, sequence=2 + offset, offset=offset)
    output = io.StringIO()
    yaml.dump(value, output)
    return output.getvalue().rstrip("\n")
