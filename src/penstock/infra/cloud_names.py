"""Names, labels and commands as clouds take them."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Mapping

PREFIX = "penstock"


def resource_name(identity: str, longest: int) -> str:
    """A name for the job of this identity, the same every time: a letter first, then letters, digits and hyphens."""
    plain = f"{PREFIX}-{re.sub(r'[^a-z0-9]+', '-', identity.lower()).strip('-')}"
    if len(plain) <= longest:
        return plain
    digest = hashlib.sha256(identity.encode()).hexdigest()[:12]
    return f"{plain[: longest - 13].rstrip('-')}-{digest}"


def labels(given: Mapping[str, str] | None) -> dict[str, str]:
    """Labels in Google's letters (lower case, digits, `-`, `_`; 63 at most); those with nothing left are dropped."""
    found = {_plain(name).lstrip("-_0123456789"): _plain(value) for name, value in (given or {}).items()}
    return {name: value for name, value in found.items() if name}


def words(command: str | None, default: list[str] | None) -> list[str] | None:
    """The template's command, which is one line of a shell, as a list; else the job's own."""
    return shlex.split(command) if command else default


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9_-]", "-", text.lower())[:63].strip("-")
