"""What a docstring says of a function's arguments."""

from __future__ import annotations

import re

_ARGUMENTS = re.compile(r"^\s*(?:Args|Arguments|Parameters):\s*$")
_ARGUMENT = re.compile(r"^(\s+)\*{0,2}(\w+)(?:\s*\([^)]*\))?:\s*(.*)$")
_FIELD = re.compile(r"^\s*:param(?:\s+[\w\[\], .|]+)?\s+(\w+):\s*(.*)$")


def argument_descriptions(docstring: str) -> dict[str, str]:
    """What a docstring says of each argument, in Google's or Sphinx's way of writing."""
    found: dict[str, str] = {}
    indent: str | None = None
    last = ""
    inside = False
    for line in docstring.splitlines():
        if field := _FIELD.match(line):
            found[field.group(1)] = field.group(2).strip()
        elif _ARGUMENTS.match(line):
            inside, indent = True, None
        elif inside and (argument := _ARGUMENT.match(line)) and argument.group(1) == (indent or argument.group(1)):
            indent, last = argument.group(1), argument.group(2)
            found[last] = argument.group(3).strip()
        elif inside and line.strip() and indent and line.startswith(indent + " "):
            found[last] = f"{found[last]}\n{line.strip()}".strip()
        elif line.strip():
            inside = False
    return found
