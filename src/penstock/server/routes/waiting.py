"""Why a run is not running."""

from __future__ import annotations

from uuid import UUID

from penstock.core.waiting import why
from penstock.errors import NotFound
from penstock.server.bind import Request, handles
from penstock.store.waiting import standing_of
from penstock.wire import waiting as wire
from penstock.wire.waiting import Explanation


@handles(wire.explain_run)
async def explain(at: Request, id: UUID) -> Explanation:
    """One sentence about a run, and what to do."""
    standing = await at.store.read(standing_of(id, at.now))
    if standing is None:
        raise NotFound("Flow run not found")
    return why(standing, at.now)
