"""Addresses that Prefect's clients print, led to where the same is here."""

from __future__ import annotations

from penstock.server.bind import Reply
from penstock.ui.reader import Reader, segment
from penstock.ui.routes import Handler, page

PLACES = {
    "/dashboard": "/",
    "/runs/flow-run/{id}": "/runs/{id}",
    "/flow-runs/flow-run/{id}": "/runs/{id}",
    "/runs/task-run/{id}": "/task-runs/{id}",
    "/flows/flow/{id}": "/flows/{id}",
    "/deployments/deployment/{id}": "/deployments/{id}",
    "/work-pools": "/pools",
    "/work-pools/work-pool/{name}": "/pools/{name}",
    "/blocks/block/{id}": "/blocks/{id}",
    "/artifacts/artifact/{id}": "/artifacts/{id}",
    "/events/event/{day}/{id}": "/events/{id}",
    "/concurrency-limits": "/limits",
    "/concurrency-limits/concurrency-limit/{id}": "/limits/{id}",
}
"""Our page for each of theirs, of both generations."""


def _to(place: str) -> Handler:
    async def lead(at: Reader, **named: str) -> Reply:
        return at.go(at.link(place.format(**{name: segment(value) for name, value in named.items()})))

    return lead


for _theirs, _ours in PLACES.items():
    page("GET", _theirs)(_to(_ours))
