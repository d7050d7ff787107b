"""Saved searches: filters that a user gave a name."""

from __future__ import annotations

from datetime import datetime

from msgspec.structs import replace

from penstock.ids import new_id
from penstock.store.database import Steps, intent
from penstock.store.documents import Documents
from penstock.wire.saved_searches import SavedSearch, SavedSearchCreate

SEARCHES = Documents("saved_searches", SavedSearch, columns=("name",), unique=("name",))


@intent
def save_search(wanted: SavedSearchCreate, now: datetime) -> Steps[SavedSearch]:
    """Keeps a search under its name, in place of the one that had it."""
    search = SavedSearch(id=new_id(), name=wanted.name, filters=wanted.filters, created=now, updated=now)
    if (yield SEARCHES.insert(search)):
        return search
    known = yield from SEARCHES.find(wanted.name, "name")
    search = replace(known or search, filters=wanted.filters, updated=now)
    yield SEARCHES.replace(search)
    return search


@intent
def delete_search(id: str) -> Steps[bool]:
    """Deletes a search; False when there was none."""
    return bool((yield SEARCHES.remove(id)))
