"""Events in the order they occurred, page by page: what subscribers missed and what other replicas wrote."""

from __future__ import annotations

from dataclasses import dataclass

from penstock.store.database import Steps, intent
from penstock.store.statements import load

SQL = load("event_feed")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in the feed: after the event with this time (microseconds) and id."""

    occurred: int
    id: str = ""


@intent
def read_after(place: Place, limit: int) -> Steps[tuple[list[str], Place]]:
    """Up to `limit` events (JSON text) after a place, and the place after the last of them."""
    rows = yield SQL.read_after(occurred=place.occurred, id=place.id, limit=limit)
    return [row[2] for row in rows], Place(rows[-1][1], rows[-1][0]) if rows else place
