"""Saved searches of the dashboard."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec import field

from penstock.wire.endpoint import delete, get, post, put
from penstock.wire.model import Criteria, Model, Write


class SavedSearch(Model):
    """A saved search."""

    id: UUID
    name: str
    created: datetime | None = None
    updated: datetime | None = None
    filters: list[dict[str, Any]] = field(default_factory=list)


class SavedSearchCreate(Write):
    """A search to save."""

    name: str
    filters: list[dict[str, Any]] = field(default_factory=list)


save_search = put("/saved_searches/", body=SavedSearchCreate, returns=SavedSearch)
filter_saved_searches = post("/saved_searches/filter", body=Criteria, returns=list[SavedSearch])
read_saved_search = get("/saved_searches/{id}", returns=SavedSearch)
delete_saved_search = delete("/saved_searches/{id}")
