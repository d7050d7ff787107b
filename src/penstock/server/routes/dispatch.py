"""Handing out runs: polls in Prefect's way, claims with an instant answer, and leases."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from uuid import UUID

from msgspec import Struct
from msgspec.json import Decoder

from penstock.clock import utc_now
from penstock.errors import BadRequest, NotFound
from penstock.ids import new_id
from penstock.server.announce import announce, served
from penstock.server.bind import Encoded, Request, handles
from penstock.server.lines import Place
from penstock.server.routes.agents import note_agent
from penstock.server.routes.deployment_versions import as_pinned
from penstock.server.routes.flow_run_states import slot_terms
from penstock.server.routes.pool_workers import orders_topic, wish_of
from penstock.store import claims as store
from penstock.store import due_runs, tag_queues, work_queues, workers
from penstock.store.database import Intent
from penstock.store.deployments import mark_polled
from penstock.store.deployments import read as read_deployment
from penstock.store.filters import bounded
from penstock.store.flow_run_documents import decode as decode_run
from penstock.store.flow_runs import read as read_run
from penstock.store.flows import FLOWS
from penstock.store.work_pools import read as read_pool
from penstock.wire import dispatch as wire
from penstock.wire import work_pools
from penstock.wire import work_queues as queue_wire
from penstock.wire.dispatch import Capabilities, Claim, DeploymentClaim, Renewal, Renewed
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.pool_workers import Wish

LONGEST_WAIT = 60.0
FEATURES = ["claim", "claim_deployments", "renew", "adopt", "lost", "deployment_versions", "upgrades", "upgrade_many"]
LEASE_SECONDS = (5.0, 86_400.0)


@handles(work_pools.scheduled_runs_of_pool)
async def scheduled_runs_of_pool(at: Request, body: work_pools.PoolPoll, name: str) -> Encoded:
    """A pool's due runs, as a worker polls for them."""
    window = due_runs.Window(body.scheduled_before or at.now, body.scheduled_after, bounded(body.limit))
    polled = await at.store.read(due_runs.of_pool(name, body.work_queue_names, window, at.now))
    await polled_queues(at, polled.queue_ids)
    return Encoded(polled.answer)


@handles(queue_wire.scheduled_runs_of_queue)
async def scheduled_runs_of_queue(at: Request, body: queue_wire.QueuePoll, id: UUID) -> Encoded:
    """A queue's due runs, as older clients ask for them."""
    queue = await at.store.read(work_queues.read(id, at.now))
    if queue is None or queue.work_pool_name is None:
        raise NotFound("work queue not found")
    window = due_runs.Window(body.scheduled_before or at.now, None, bounded(body.limit))
    if tag_queues.is_by_tag(queue):
        answer = await at.store.read(tag_queues.due(queue, window, at.store.dialect, at.now))
    else:
        answer = await at.store.read(due_runs.of_queue(queue.work_pool_name, id, window, at.store.dialect, at.now))
    await polled_queues(at, [id])
    if body.agent_id and queue.work_pool_id:
        await note_agent(at, queue.work_pool_id, body.agent_id)
    return Encoded(answer)


_last_marked: dict[UUID, float] = {}


async def polled_queues(at: Request, ids: list[UUID]) -> None:
    """Says that queues are polled, at most once a second each: who polls often need not write as often.

    A dashboard that only looks at what is due says so.
    """
    if at.header("x-prefect-ui") == "true":
        return
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
    loaded = await at.store.read(due_runs.load_of(name))
    await polled_queues(at, [UUID(id) for id in loaded.chosen(body.work_queue_names, name) or loaded.ids.values()])
    pool_id = UUID(loaded.pool.id)
    orders = orders_topic(pool_id, body.worker_name)
    changed = at.hub.position(orders)
    with at.hub.lines.place((loaded.pool.id,), tuple(sorted(set(body.work_queue_names))), own=orders) as place:
        wish = await wish_of(at, pool_id, body.worker_name)
        taken = await _wait(at, body, _source(at, body, name, loaded), place) if wish is Wish.WORK else []
    if wish is Wish.PAUSE:
        await at.wait_for_run(orders, min(body.wait_seconds, LONGEST_WAIT), since=changed)
    return await answer(at, name, [Given.of(one) for one in taken], body.lease_seconds)


def _source(at: Request, body: Claim, name: str, loaded: due_runs.Loaded) -> _Source:
    pool_id = UUID(loaded.pool.id)
    labels = store.labels_of(body.worker_name, body.worker_type or loaded.type, name, loaded.pool.id)

    def take(now: datetime) -> Intent[store.Claimed]:
        terms = slot_terms(at.settings)
        wanted = store.Claim(body.worker_name, body.limit, body.lease_seconds, now, labels, terms, body.host)
        return store.of_pool(name, body.work_queue_names, wanted, at.store.dialect, new_id)

    async def unwanted() -> bool:
        return await at.store.read(workers.wanted(pool_id, body.worker_name)) is not Wish.WORK

    return _Source(take, lambda now: store.next_due(pool_id, now), unwanted)


@handles(wire.claim_deployment_runs)
async def claim_of_deployments(at: Request, body: DeploymentClaim) -> Encoded:
    """Due runs of some deployments, for a process that serves them; waits as for a pool's."""
    await at.store.write(mark_polled(body.deployment_ids, at.now))

    def take(now: datetime) -> Intent[store.Claimed]:
        wanted = store.Claim(body.worker_name, body.limit, body.lease_seconds, now, {}, slot_terms(at.settings))
        return store.of_deployments(body.deployment_ids, wanted, at.store.dialect, new_id)

    source = _Source(take, lambda now: store.next_due_of_deployments(body.deployment_ids, now))
    with at.hub.lines.place(tuple(sorted(map(served, body.deployment_ids))), None) as place:
        taken = await _wait(at, body, source, place)
    return await answer(at, None, [Given.of(one) for one in taken], body.lease_seconds)


@dataclass(frozen=True, slots=True)
class _Source:
    """Where runs are claimed from: how to take, and when the next is due after a look.

    `unwanted` asks after a wait whether the asker is still to have any.
    """

    take: Callable[[datetime], Intent[store.Claimed]]
    next_due: Callable[[datetime], Intent[datetime | None]]
    unwanted: Callable[[], Awaitable[bool]] | None = None


async def _wait(at: Request, body: Claim | DeploymentClaim, source: _Source, place: Place) -> list[store.Taken]:
    """Takes what is due, or waits for it; nothing for an asker that has gone."""
    _check(body)
    now, deadline = at.now, at.now + timedelta(seconds=min(body.wait_seconds, LONGEST_WAIT))
    looks = body.wait_seconds <= 0 or not place.others_rest  # who came before is called first
    while True:
        seen = place.hints
        if looks:
            taken = await _look(at, source, place, now)
            if taken:
                return [] if await _given_back(at, taken) else taken
        left = (deadline - now).total_seconds()
        if left <= 0 or not await at.rest(place, left, seen) or at.over:
            return []
        if source.unwanted and await source.unwanted():
            return []
        now, looks = utc_now(), True


async def _look(at: Request, source: _Source, place: Place, now: datetime) -> list[store.Taken]:
    """Takes what is due; of what is due later the line is to know."""
    claimed = await at.store.write(source.take(now))
    for outcome in claimed.outcomes:
        announce(at.hub, outcome)
    if not claimed.taken:
        due = await at.store.read(source.next_due(now))
        if due is not None:
            place.look_within((due - utc_now()).total_seconds())
    return claimed.taken


async def _given_back(at: Request, taken: list[store.Taken]) -> bool:
    """Gives runs back when nobody is there to have them any more."""
    if not await at.hung_up():
        return False
    for outcome in await at.store.write(store.give_back(taken, utc_now(), at.store.dialect, new_id)):
        announce(at.hub, outcome)
    return True


@dataclass(frozen=True, slots=True)
class Given:
    """A run that a host is given, and under whose name its lease is, when that is not its own."""

    run_id: UUID
    attempt: int
    holder: str | None = None

    @classmethod
    def of(cls, taken: store.Taken) -> Given:
        """A claimed run."""
        return cls(taken.run.id, taken.attempt)


def _check(body: Claim | DeploymentClaim) -> None:
    check_lease(body.lease_seconds)
    if body.limit < 1:
        raise BadRequest(f"A claim asks for at least one run, not {body.limit}.")


def check_lease(seconds: float) -> None:
    """Raises `BadRequest` for a lease that is too short or too long."""
    least, most = LEASE_SECONDS
    if not least <= seconds <= most:
        raise BadRequest(f"A lease is for {least:g} to {most:g} seconds, not {seconds:g}.")


async def answer(at: Request, pool_name: str | None, given: list[Given], seconds: float) -> Encoded:
    """Everything that is needed to start the runs, or to find their jobs, in one message."""
    parts: list[bytes] = []
    pool = encode(await at.store.read(read_pool(pool_name))) if given and pool_name else b"null"
    for one in given:
        run = await at.store.read(read_run(one.run_id, at.now))
        known = decode_run(run) if run else None
        flow = await at.store.read(FLOWS.read(known.flow_id)) if known else None
        if run is None or known is None or flow is None:
            continue
        deployment, grace = await _deployment(at, known)
        parts.append(
            b'{"attempt":%d,"lease_seconds":%a,"cancellation_grace_seconds":%a,"holder":%b,'
            b'"flow_run":%b,"flow":%b,"work_pool":%b,"deployment":%b}'
            % (one.attempt, float(seconds), float(grace), encode(one.holder), run, flow, pool, deployment)
        )
    return Encoded(b"[" + b",".join(parts) + b"]")


class _Graceful(Struct):
    cancellation_grace_seconds: float | None = None


async def _deployment(at: Request, run: FlowRun) -> tuple[bytes, float]:
    """The JSON of a run's deployment, and the grace of its cancelled runs."""
    grace = at.settings.server.deployments.cancellation_grace_seconds
    if run.deployment_id is None:
        return b"null", grace
    found = await at.store.read(read_deployment(run.deployment_id, at.store.dialect, at.now))
    if found is None:
        return b"null", grace
    own = _decode_grace(found).cancellation_grace_seconds
    return await as_pinned(at, run, found), grace if own is None else own


_decode_grace = Decoder(_Graceful).decode


@handles(wire.renew_leases)
async def renew(at: Request, body: Renewal) -> Renewed:
    """Extends the leases of a worker's runs."""
    check_lease(body.lease_seconds)
    held = [(run.flow_run_id, run.attempt) for run in body.runs]
    wanted = store.Renewal(body.worker_name, held, body.lease_seconds, body.host, body.begins)
    return await at.store.write(store.renew(wanted, at.now))
