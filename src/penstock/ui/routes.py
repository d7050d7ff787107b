"""Which page a method and path mean. A page is a function; the table fills as its modules are imported.

@page("GET", "/runs/{id}")
async def show(at: Reader, id: str) -> Reply: ...
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Any
from urllib.parse import unquote

from penstock.server.bind import Reply
from penstock.server.site import Stream
from penstock.ui import pages

Answer = Awaitable[Reply | Stream]
Handler = Callable[..., Answer]

_TABLE: list[tuple[str, str, re.Pattern[str], Handler]] = []


def page(method: str, path: str) -> Callable[[Handler], Handler]:
    """Makes a function the page at a path; `{name}` takes one segment and hands it on, decoded."""

    def bind(handler: Handler) -> Handler:
        pattern = re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(path)))
        _TABLE.append((method, path, pattern, handler))
        _TABLE.sort(key=lambda one: one[1].count("{"))  # `/runs/chart` before `/runs/{id}`
        return handler

    return bind


@cache
def load() -> None:
    """Imports every module of pages; a second time does nothing."""
    for module in pkgutil.iter_modules(pages.__path__):
        importlib.import_module(f"{pages.__name__}.{module.name}")


def find(method: str, path: str) -> tuple[Handler | None, dict[str, Any], bool]:
    """The page and what its path says; without one, whether another method has this path."""
    known = False
    for other, _, pattern, handler in _TABLE:
        match = pattern.fullmatch(path)
        if match and other == method:
            return handler, {name: unquote(value) for name, value in match.groupdict().items()}, True
        known = known or match is not None
    return None, {}, known


def every() -> list[tuple[str, str]]:
    """Method and path of each page that was loaded."""
    return [(method, path) for method, path, _, _ in _TABLE]
