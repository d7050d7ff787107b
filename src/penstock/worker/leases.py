"""Keeping what is hosted: one call renews all leases, and tells what is lost and what is to be cancelled."""

from __future__ import annotations

import logging
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import Clock
from penstock.errors import PenstockError
from penstock.wire import dispatch
from penstock.wire.dispatch import Renewal
from penstock.worker.jobs import Jobs

RENEWALS_PER_LEASE = 3
TRIES_PER_LEASE = 6
"""A connection that has gone silent must cost a part of the lease only: another one may work."""

SOON_PER_LEASE = 15
"""After a failure: a server that answers again just before a lease ends must hear of it in time."""

log = logging.getLogger("penstock.worker")


async def keep_leases(client: AsyncClient, jobs: Jobs, clock: Clock, seconds: float, host: UUID | None = None) -> None:
    """Renews without end. A server that can't be reached is asked again soon; no job is ended for that.

    With `host` it says, too, that this process watches over the jobs.
    """
    while True:
        wait = seconds / RENEWALS_PER_LEASE
        try:
            await renew_once(client, jobs, seconds, host)
        except PenstockError as error:
            wait = seconds / SOON_PER_LEASE
            log.warning("leases could not be renewed, trying again in %.1f s: %s", wait, error.message)
        await clock.sleep(wait)


async def renew_once(client: AsyncClient, jobs: Jobs, seconds: float, host: UUID | None = None) -> None:
    """Renews what is hosted now."""
    for holder, runs in jobs.held().items():
        body = Renewal(worker_name=holder, runs=runs, lease_seconds=seconds, host=host)
        answer = await client.call(dispatch.renew_leases, body, timeout=seconds / TRIES_PER_LEASE)
        asked = {one.flow_run_id: one.attempt for one in runs}
        for ids, act in ((answer.lost, jobs.lose), (answer.cancelling, jobs.cancel), (answer.watched, jobs.let_go)):
            for run_id in ids:
                if jobs.hosts(run_id, asked[run_id]):
                    act(run_id)
