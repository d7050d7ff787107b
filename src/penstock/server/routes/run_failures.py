"""What goes wrong, by deployment."""

from __future__ import annotations

from penstock.server.bind import Request, handles
from penstock.store import run_failures as store
from penstock.store.filters import select
from penstock.wire import run_failures as wire
from penstock.wire.model import Criteria
from penstock.wire.run_failures import FailuresFound


@handles(wire.group_failures)
async def group(at: Request, body: Criteria) -> FailuresFound:
    """The failed and crashed runs that fulfil the criteria, as many of the newest as one request counts."""
    return await at.store.scan(store.group_failures(select("flow_runs", body, at.store.dialect)))
