"""Deployments with their schedules and the limit on their runs.

What the answer takes from elsewhere (schedules, limit, names, whether something polls) is put at the end
of the stored document when it is read. A poll writes no deployment: it counts as polled with its queue.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from penstock.clock import from_micros, to_micros
from penstock.core.limits import DEPLOYMENT_PREFIX
from penstock.core.waiting import POLLED_WITHIN
from penstock.errors import Conflict
from penstock.store import limits
from penstock.store.database import Row, Steps, intent
from penstock.store.filters import Selection
from penstock.store.statements import load, statement
from penstock.wire.deployments import CollisionStrategy, Deployment, DeploymentStatus
from penstock.wire.limits import GlobalLimitCreate, GlobalLimitSummary
from penstock.wire.model import encode
from penstock.wire.schedules import DeploymentSchedule

SQL = load("deployments")

decode = msgspec.json.Decoder(Deployment).decode
decode_schedule = msgspec.json.Decoder(DeploymentSchedule).decode

_UNSTORED = (
    b',"schedules":[],"global_concurrency_limit":null,"work_queue_name":null,"work_pool_name":null'
    b',"last_polled":null,"status":"NOT_READY"}'
)
_SHOWN = (
    "deployments.doc, deployments.last_polled,"
    " (select {group} from (select s.doc from deployment_schedules s where s.deployment_id = deployments.id"
    " order by s.created desc, s.id) t),"
    " (select {array}(l.id, l.name, l.max_slots, l.active, l.slot_decay_per_second, l.created, l.updated,"
    " (select coalesce(sum(x.slots), 0) from limit_leases x where x.limit_id = l.id and x.expires_at > {now})){text}"
    " from limits l where l.id = deployments.limit_id),"
    " (select {array}(q.name, p.name, q.last_polled){text} from work_queues q"
    " join work_pools p on p.id = q.work_pool_id where q.id = deployments.work_queue_id)"
)


def shown_columns(dialect: str, now: datetime) -> str:
    """The columns of `deployments` that `shown` needs."""
    if dialect == "sqlite":
        return _SHOWN.format(group="group_concat(t.doc, ',')", array="json_array", text="", now=to_micros(now))
    return _SHOWN.format(group="string_agg(t.doc, ',')", array="json_build_array", text="::text", now=to_micros(now))


def shown(row: Row, now: datetime) -> str:
    """The JSON of a deployment as the API answers it."""
    doc, polled, schedules, limit, place = row
    queue, pool, queue_polled = json.loads(place) if place else (None, None, None)
    polled = max(polled or 0, queue_polled or 0)
    ready = bool(polled) and now - from_micros(polled) < POLLED_WITHIN
    tail = {
        "global_concurrency_limit": _limit(json.loads(limit)) if limit else None,
        "work_queue_name": queue,
        "work_pool_name": pool,
        "last_polled": from_micros(polled) if polled else None,
        "status": DeploymentStatus.READY if ready else DeploymentStatus.NOT_READY,
    }
    return f'{doc[:-1]},"schedules":[{schedules or ""}],{encode(tail)[1:].decode()}'


def _limit(values: Sequence[Any]) -> GlobalLimitSummary:
    id, name, size, active, decay, created, updated, used = values
    return GlobalLimitSummary(
        id=UUID(id),
        name=name,
        limit=size,
        active_slots=used,
        created=from_micros(created),
        updated=from_micros(updated),
        active=bool(active),
        slot_decay_per_second=decay,
    )


@intent
def read(id: UUID, dialect: str, now: datetime) -> Steps[bytes | None]:
    """The JSON of a deployment, or None."""
    text = f"select {shown_columns(dialect, now)} from deployments where id = :id"
    rows = yield statement("read_deployment", text)(id=str(id))
    return shown(rows[0], now).encode() if rows else None


@intent
def list_deployments(selection: Selection, now: datetime) -> Steps[bytes]:
    """The JSON array of the deployments that a selection finds."""
    rows = yield selection.rows(shown_columns(selection.dialect, now))
    return ("[" + ",".join([shown(row, now) for row in rows]) + "]").encode()


@intent
def page(selection: Selection, number: int, now: datetime) -> Steps[bytes]:
    """The JSON of a page of deployments, with its place among all."""
    results = yield from list_deployments(selection, now)
    count = int((yield selection.count())[0][0])
    pages = -(-count // selection.limit) if selection.limit else 0
    place = f',"count":{count},"limit":{selection.limit},"pages":{pages},"page":{number}}}'
    return b'{"results":' + results + place.encode()


@intent
def ids(selection: Selection) -> Steps[list[UUID]]:
    """The ids of the deployments that a selection finds."""
    return [UUID(row[0]) for row in (yield selection.rows("deployments.id"))]


@intent
def id_by_name(flow_name: str, name: str) -> Steps[UUID | None]:
    """The id of the deployment of that name of that flow."""
    rows = yield SQL.id_by_flow_name(flow_name=flow_name, name=name)
    return UUID(rows[0][0]) if rows else None


@intent
def known_id(flow_id: UUID, name: str) -> Steps[UUID | None]:
    """The id of a flow's deployment of that name."""
    rows = yield SQL.id_by_name(flow_id=str(flow_id), name=name)
    return UUID(rows[0][0]) if rows else None


@intent
def find(id: UUID) -> Steps[Deployment | None]:
    """The stored deployment, without its schedules; held against other writers in a transaction."""
    rows = yield SQL.find(id=str(id))
    return decode(rows[0][0]) if rows else None


@intent
def schedules_of(id: UUID) -> Steps[list[DeploymentSchedule]]:
    """A deployment's schedules, the newest first."""
    return [decode_schedule(row[0]) for row in (yield SQL.schedules_of(id=str(id)))]


@intent
def write(
    deployment: Deployment,
    *,
    limit: int | msgspec.UnsetType | None = msgspec.UNSET,
    limit_id: UUID | None = None,
    schedules: Sequence[DeploymentSchedule] | None = None,
    new_limit_id: UUID,
    now: datetime,
) -> Steps[None]:
    """Writes a deployment; its limit where one is given (null removes it), its schedules where they are given.

    New schedules take the place of all others, and the runs planned by them are made anew.
    """
    found = yield SQL.find(id=str(deployment.id))
    held = found[0][1] if found else None
    if limit_id is not None:
        held = str(limit_id)
    elif limit is not msgspec.UNSET:
        held = yield from _set_limit(deployment.id, limit, new_limit_id, now)
    size = yield from _size(held, now)
    yield SQL.write_deployment(**_row(deployment, held, size))
    if schedules is not None:
        yield SQL.delete_schedules(id=str(deployment.id))
        yield from write_schedules(deployment.id, schedules, now)


def _set_limit(id: UUID, size: int | None, new_id: UUID, now: datetime) -> Steps[str | None]:
    name = f"{DEPLOYMENT_PREFIX}{id}"
    known = yield from limits.by_name(name, now)
    if size is None:
        if known is not None:
            yield from limits.delete(known.limit.id)
        return None
    if known is None:
        yield from limits.create(new_id, GlobalLimitCreate(name=name, limit=size), now)
        return str(new_id)
    yield SQL.set_limit(id=str(known.limit.id), size=size, now=to_micros(now))
    return str(known.limit.id)


def _size(limit_id: str | None, now: datetime) -> Steps[int | None]:
    if limit_id is None:
        return None
    known = yield from limits.by_id(UUID(limit_id), now)
    if known is None:
        raise Conflict(f"There is no concurrency limit with id {limit_id}.")
    return known.limit.limit


def cancels_new(deployment: Deployment) -> bool:
    """Whether a run that is due while no slot is free is cancelled rather than kept waiting."""
    options = deployment.concurrency_options
    return options is not None and options.collision_strategy is CollisionStrategy.CANCEL_NEW


def _row(deployment: Deployment, limit_id: str | None, size: int | None) -> dict[str, Any]:
    options = deployment.concurrency_options
    return {
        "id": str(deployment.id),
        "name": deployment.name,
        "flow_id": str(deployment.flow_id),
        "work_queue_id": None if deployment.work_queue_id is None else str(deployment.work_queue_id),
        "tags": json.dumps(deployment.tags),
        "paused": deployment.paused,
        "concurrency_limit": size,
        "limit_id": limit_id,
        "cancel_new": cancels_new(deployment),
        "grace_seconds": options.grace_period_seconds if options else None,
        "created": to_micros(deployment.created) if deployment.created else 0,
        "updated": to_micros(deployment.updated) if deployment.updated else 0,
        "doc": _document(deployment),
    }


def _document(deployment: Deployment) -> str:
    plain = msgspec.structs.replace(
        deployment,
        schedules=[],
        global_concurrency_limit=None,
        work_queue_name=None,
        work_pool_name=None,
        last_polled=None,
        status=DeploymentStatus.NOT_READY,
    )
    return encode(plain)[: -len(_UNSTORED)].decode() + "}"


def without_queue(doc: str) -> str:
    """What is stored of a deployment once its queue is gone."""
    return _document(msgspec.structs.replace(decode(doc), work_queue_id=None))


@intent
def write_schedules(id: UUID, schedules: Iterable[DeploymentSchedule], now: datetime) -> Steps[None]:
    """Writes schedules of a deployment. The runs that were planned ahead are forgotten, to be planned anew."""
    for one in schedules:
        yield SQL.write_schedule(
            id=str(one.id),
            deployment_id=str(id),
            active=one.active,
            slug=one.slug,
            created=to_micros(one.created or now),
            updated=to_micros(one.updated or now),
            doc=encode(one).decode(),
        )
    yield SQL.delete_planned(id=str(id), after=to_micros(now))


@intent
def delete_schedule(id: UUID, schedule_id: UUID, now: datetime) -> Steps[bool]:
    """Removes a schedule and the runs that were planned ahead; False when there is none."""
    if not (yield SQL.delete_schedule(id=str(schedule_id), deployment_id=str(id))):
        return False
    yield SQL.delete_planned(id=str(id), after=to_micros(now))
    return True


@intent
def forget_planned(id: UUID) -> Steps[int]:
    """Removes every run that schedules have planned and nothing has started."""
    return len((yield SQL.delete_planned(id=str(id), after=0)))


@intent
def let_go_of_runs(id: UUID, limit: int) -> Steps[int]:
    """Takes some of its runs from a deployment that is to be deleted; gives how many.

    Whoever deletes one does this until it gives none, so that no single transaction is about all runs there were:
    an end half way leaves a deployment with fewer runs, which can be deleted again.
    """
    ended = yield SQL.let_go_of_ended(id=str(id), limit=limit)
    return len(ended) or len((yield SQL.delete_some_unstarted(id=str(id), limit=limit)))


@intent
def delete(id: UUID, now: datetime) -> Steps[Deployment | None]:
    """Removes a deployment with its schedules, limit and unstarted runs; its other runs stay. None without one."""
    yield SQL.delete_schedules(id=str(id))
    rows = yield SQL.delete_deployment(id=str(id))
    if not rows:
        return None
    yield SQL.delete_unstarted(id=str(id))
    yield SQL.forget_deployment(id=str(id))
    yield SQL.forget_versions(id=str(id))
    known = yield from limits.by_name(f"deployment:{id}", now)
    if known is not None:
        yield from limits.delete(known.limit.id)
    return decode(rows[0][0])


@intent
def mark_polled(ids: Iterable[UUID], now: datetime) -> Steps[None]:
    """Says that something polls for the runs of these deployments."""
    yield SQL.mark_polled(ids=json.dumps([str(id) for id in ids]), now=to_micros(now))
