"""Saving what the runs page shows under a name, and forgetting it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from penstock.server.bind import Reply
from penstock.ui.pages.runs import words_of
from penstock.ui.reader import Reader, id_in
from penstock.ui.routes import page
from penstock.ui.saved_views import filters_of
from penstock.wire import saved_searches
from penstock.wire.saved_searches import SavedSearchCreate

LONGEST_NAME = 100


@page("POST", "/runs/views")
async def save(at: Reader) -> Reply:
    """Keeps the selection of the page that it is sent from, in place of one of the same name."""
    back, name = _back(at), at.field("name").strip()[:LONGEST_NAME]
    if not name:
        return at.go(back, "The view was not saved: give it a name.", "bad")
    words = words_of(parse_qs(urlsplit(back).query, keep_blank_values=True))
    if not (filters := filters_of(words)):
        return at.go(back, "The view was not saved: choose something first, such as a state.", "bad")
    await at.api.call(saved_searches.save_search, SavedSearchCreate(name=name, filters=filters))
    return at.go(back, f"The view '{name}' is saved.")


@page("POST", "/runs/views/{id}/delete")
async def delete(at: Reader, id: str) -> Reply:
    """Forgets a view; no run is touched."""
    await at.api.call(saved_searches.delete_saved_search, id=id_in(id))
    return at.go(_back(at), "The view is forgotten.")


def _back(at: Reader) -> str:
    """The page of runs that the form was on."""
    return at.field("back") if at.field("back").startswith(at.link("/runs")) else at.link("/runs")
