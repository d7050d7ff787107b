"""What kinds of work pools there are, with the base job template each starts with."""

from __future__ import annotations

from penstock.errors import NotFound
from penstock.infra.templates import pool_types
from penstock.server.bind import Encoded, Request, handles
from penstock.wire import admin as wire

POOL_TYPES = "aggregate-worker-metadata"


@handles(wire.read_collection_view)
async def read_collection_view(at: Request, view: str) -> Encoded:
    """A view by name; it ships with the package, so that no network is needed."""
    if view != POOL_TYPES:
        raise NotFound(f"There is no collections view {view!r}.")
    return Encoded(pool_types())
