"""What kinds of work pools there are, with the base job template each starts with."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from penstock.errors import NotFound
from penstock.server.bind import Encoded, Request, handles
from penstock.wire import admin as wire

VIEWS = {"aggregate-worker-metadata": "worker_types.json"}
FOLDER = Path(__file__).parent.parent / "data"


@handles(wire.read_collection_view)
async def read_collection_view(at: Request, view: str) -> Encoded:
    """A view by name; it ships with the package, so that no network is needed."""
    if view not in VIEWS:
        raise NotFound(f"There is no collections view {view!r}.")
    return Encoded(_read(VIEWS[view]))


@cache
def _read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()
