"""Keeps what opens a storage out of what is said about it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_NAMES = re.compile(r"key|secret|token|password|connection|credential|sas", re.IGNORECASE)
_PARTS = re.compile(r"(?:AccountKey|SharedAccessSignature)=([^;]+)")
_USER = re.compile(r"(?<=//)[^/@\s]*@")
SHORTEST = 4
"""Shorter secrets are left in: to take every `a` out of a message would tell them."""


def without_secrets(text: str, options: Mapping[str, Any]) -> str:
    """The text with every secret of the options, and what stands before an address's host, taken out."""
    for secret in sorted(_secrets(options, False), key=len, reverse=True):
        text = text.replace(secret, "***")
    return without_user(text)


def without_user(text: str) -> str:
    """Addresses without the user and password in them."""
    return _USER.sub("", text)


def _secrets(value: Any, is_secret: bool) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from _secrets(inner, is_secret or bool(_NAMES.search(str(name))))
    elif is_secret and isinstance(value, str) and len(value) >= SHORTEST:
        yield value
        yield from _PARTS.findall(value)
