"""Settings as people may see them: plain values, with what is secret hidden."""

from __future__ import annotations

import re
from collections.abc import Iterator

from penstock.settings.names import kind_of, walk
from penstock.settings.shape import Settings
from penstock.settings.values import is_secret

HIDDEN = "********"
_PASSWORD = re.compile(r"(?<=://)([^/:@\s]*):[^/\s]*@")


def shown(settings: Settings, *, secrets: bool = False) -> Iterator[tuple[str, object]]:
    """Every setting by path as a plain value; `secrets` leaves what is secret as it is."""
    for path, value in walk(settings):
        hidden = is_secret(kind_of(path)) and not secrets and value is not None
        plain = value if isinstance(value, int | float | dict | None) else str(value)
        yield path, HIDDEN if hidden else plain


def without_password(address: str) -> str:
    """An address with the password in it hidden."""
    return _PASSWORD.sub(rf"\1:{HIDDEN}@", address)
