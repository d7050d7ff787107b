"""Saved searches."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import NotFound
from penstock.server.bind import Encoded, Request, handles
from penstock.store.saved_searches import SEARCHES, delete_search, save_search
from penstock.wire import saved_searches as wire
from penstock.wire.model import Criteria
from penstock.wire.saved_searches import SavedSearch, SavedSearchCreate


@handles(wire.save_search)
async def save(at: Request, body: SavedSearchCreate) -> SavedSearch:
    """Keeps a search under its name."""
    return await at.store.write(save_search(body, at.now))


@handles(wire.filter_saved_searches)
async def list_searches(at: Request, body: Criteria) -> Encoded:
    """All saved searches, by name."""
    return Encoded(await at.store.scan(SEARCHES.list(body, at.store.dialect, most=at.most)))


@handles(wire.read_saved_search)
async def read(at: Request, id: UUID) -> Encoded:
    """A saved search by its id."""
    found = await at.store.read(SEARCHES.read(id))
    if found is None:
        raise NotFound("Saved search not found")
    return Encoded(found)


@handles(wire.delete_saved_search)
async def delete(at: Request, id: UUID) -> None:
    """Deletes a saved search."""
    if not await at.store.write(delete_search(str(id))):
        raise NotFound("Saved search not found")
