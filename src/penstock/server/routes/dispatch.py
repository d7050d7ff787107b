"""Handing out runs: polls in Prefect's way, claims with an instant answer, and leases."""

from __future__ import annotations

from datetime import timedelta
from importlib.metadata import version
from uuid import UUID

from penstock.clock import utc_now
from penstock.errors import BadRequest, NotFound
from penstock.ids import new_id
from penstock.server.announce import announce
from penstock.server.bind import Encoded, Request, handles
from penstock.store import due_runs as store
from penstock.store import work_queues
from penstock.store.deployments import read as read_deployment
from penstock.store.filters import bounded
from penstock.store.flow_runs import read as read_run
from penstock.store.flows import FLOWS
from penstock.store.work_pools import read as read_pool
from penstock.wire import dispatch as wire
from penstock.wire import work_pools
from penstock.wire import work_queues as queue_wire
from penstock.wire.dispatch import Capabilities, Claim, Renewal, Renewed
from penstock.wire.model import encode

LONGEST_WAIT = 60.0
FEATURES = ["claim", "renew"]
LEASE_SECONDS = (5.0, 86_400.0)


@handles(work_pools.scheduled_runs_of_pool)
async def scheduled_runs_of_pool(at: Request, body: work_pools.PoolPoll, name: str) -> Encoded:
    """A pool's due runs, as a worker polls for them."""
    window = store.Window(body.scheduled_before or at.now, body.scheduled_after, bounded(body.limit))
    polled = await at.store.read(store.of_pool(name, body.work_queue_names, window, at.now))
    await polled_queues(at, polled.queue_ids)
    return Encoded(polled.answer)


@handles(queue_wire.scheduled_runs_of_queue)
async def scheduled_runs_of_queue(at: Request, body: queue_wire.QueuePoll, id: UUID) -> Encoded:
    """A queue's due runs, as older clients ask for them."""
    if await at.store.read(work_queues.read(id, at.now)) is None:
        raise NotFound("work queue not found")
    window = store.Window(body.scheduled_before or at.now, None, bounded(body.limit))
    answer = await at.store.read(store.of_queue(id, window, at.store.dialect, at.now))
    await polled_queues(at, [id])
    return Encoded(answer)


_last_marked: dict[UUID, float] = {}


async def polled_queues(at: Request, ids: list[UUID]) -> None:
    """Says that queues are polled, at most once a second each: who polls often need not write as often."""
    moment = at.now.timestamp()
    due = [id for id in ids if moment - _last_marked.get(id, 0.0) > 1.0]
    if due:
        _last_marked.update(dict.fromkeys(due, moment))
        await at.store.write(work_queues.mark_polled(due, at.now))


@handles(wire.probe)
async def probe(at: Request) -> Capabilities:
    """Says that this server gives more than Prefect's API."""
    return Capabilities(version=version("penstock"), features=FEATURES)


@handles(wire.claim_runs)
async def claim(at: Request, body: Claim, name: str) -> Encoded:
    """Due runs of a pool, which are the asker's now; waits for the first up to the time asked for."""
    _check_lease(body.lease_seconds)
    if body.limit < 1:
        raise BadRequest(f"A claim asks for at least one run, not {body.limit}.")
    loaded = await at.store.read(store.load_of(name))
    await polled_queues(at, [UUID(id) for id in loaded.chosen(body.work_queue_names, name) or loaded.ids.values()])
    deadline = at.now + timedelta(seconds=min(body.wait_seconds, LONGEST_WAIT))
    now = at.now
    while True:
        since = at.hub.position(loaded.pool.id)
        wanted = store.Claim(body.worker_name, body.work_queue_names, body.limit, body.lease_seconds, now)
        claimed = await at.store.write(store.claim(name, wanted, at.store.dialect, new_id))
        for outcome in claimed.outcomes:
            announce(at.hub, outcome)
        left = (deadline - now).total_seconds()
        if claimed.taken or left <= 0:
            return await _answer(at, name, claimed.taken, body.lease_seconds)
        due = await at.store.read(store.next_due(loaded.pool.id))
        if due is not None and due > now:
            left = min(left, (due - now).total_seconds())
        await at.wait_for_run(loaded.pool.id, max(left, 0.001), since=since)
        if at.over:
            return Encoded(b"[]")
        now = utc_now()


def _check_lease(seconds: float) -> None:
    least, most = LEASE_SECONDS
    if not least <= seconds <= most:
        raise BadRequest(f"A lease is for {least:g} to {most:g} seconds, not {seconds:g}.")


async def _answer(at: Request, pool_name: str, taken: list[store.Taken], seconds: float) -> Encoded:
    """Everything that is needed to start the runs, in one message."""
    parts: list[bytes] = []
    pool = encode(await at.store.read(read_pool(pool_name))) if taken else b"null"
    for one in taken:
        run = await at.store.read(read_run(one.run.id, at.now))
        flow = await at.store.read(FLOWS.read(one.run.flow_id))
        if run is None or flow is None:
            continue
        parts.append(
            b'{"attempt":%d,"lease_seconds":%s,"flow_run":%b,"flow":%b,"work_pool":%b,"deployment":%b}'
            % (one.attempt, repr(seconds).encode(), run, flow, pool, await _deployment(at, one))
        )
    return Encoded(b"[" + b",".join(parts) + b"]")


async def _deployment(at: Request, one: store.Taken) -> bytes:
    if one.run.deployment_id is None:
        return b"null"
    return await at.store.read(read_deployment(one.run.deployment_id, at.store.dialect, at.now)) or b"null"


@handles(wire.renew_leases)
async def renew(at: Request, body: Renewal) -> Renewed:
    """Extends the leases of a worker's runs."""
    _check_lease(body.lease_seconds)
    held = [(run.flow_run_id, run.attempt) for run in body.runs]
    lost, cancelling = await at.store.write(store.renew(body.worker_name, held, body.lease_seconds, at.now))
    return Renewed(lost=lost, cancelling=cancelling)
