"""Upgrades of deployments from agents to workers, and their rollbacks: each is one transaction.

Whoever takes runs reads the deployment afterwards, so a deployment moves only while none of its runs is taken and
has not begun. Runs that nobody has taken go along and are pinned to the new version, for they are carried out by the
new pool's settings; their labels keep where they were. What becomes due in the pool that was left (a retry, a run
whose worker was lost, one that was just being made) is brought after by `gather`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from penstock.clock import to_micros
from penstock.core.upgrade_plans import standing_of
from penstock.errors import Conflict, NotFound
from penstock.store import deployment_versions, deployments
from penstock.store.database import Steps, intent
from penstock.store.deployment_versions import VersionFacts, Write
from penstock.store.documents import as_array
from penstock.store.events import emit
from penstock.store.flow_run_documents import decode as decode_run
from penstock.store.flow_run_documents import document
from penstock.store.statements import load
from penstock.wire.deployment_versions import VERSION_LABEL
from penstock.wire.deployments import Deployment
from penstock.wire.events import ReceivedEvent
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.upgrades import Standing, Upgrade, UpgradeRequest, UpgradeStatus

SQL = load("upgrades")

FROM_QUEUE = "penstock.upgrade.queue"
"""A label of a run that went along: the queue that it was in."""
FROM_VERSION = "penstock.upgrade.version"
"""A label of a run that went along: the version that it was pinned to."""
_NO_QUEUE = "none"
_MOVED = ("job_variables", "pull_steps", "entrypoint", "path", "storage_document_id", "infrastructure_document_id")

decode = msgspec.json.Decoder(Upgrade).decode


@dataclass(frozen=True, slots=True)
class Switch:
    """What an upgrade or a rollback brings along: the queue that is gone to, ids, the time, the event that tells."""

    queue_id: UUID | None
    id: UUID
    version_id: UUID
    limit_id: UUID
    now: datetime
    event: ReceivedEvent
    force: bool = False


@dataclass(frozen=True, slots=True)
class Switched:
    """The upgrade as it is recorded now, and what was done for it: nothing, when it had been done before."""

    upgrade: Upgrade
    event: ReceivedEvent | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A queue with its pool."""

    queue_name: str | None = None
    pool_id: str | None = None
    pool_name: str | None = None


@dataclass(frozen=True, slots=True)
class _Record:
    upgrade: Upgrade
    left_pool_id: str | None
    version: int | None


@intent
def read(deployment_id: UUID) -> Steps[bytes | None]:
    """The JSON of a deployment's newest upgrade, or None."""
    rows = yield SQL.read(id=str(deployment_id))
    return rows[0][0].encode() if rows else None


@intent
def list_upgrades(deployment_ids: Iterable[UUID]) -> Steps[bytes]:
    """The JSON array of the newest upgrade of each of some deployments that has one."""
    return as_array((yield SQL.list(ids=json.dumps([str(id) for id in deployment_ids]))))


@intent
def standing(deployment_id: UUID) -> Steps[Standing | None]:
    """Where and by which settings a deployment's runs are carried out; None without the deployment."""
    found = yield from deployments.find(deployment_id)
    return None if found is None else (yield from _standing(found))


@intent
def has_block(id: UUID) -> Steps[bool]:
    """Whether there is a block document of that id."""
    return bool((yield SQL.block(id=str(id))))


@intent
def upgrade(deployment_id: UUID, wanted: UpgradeRequest, switch: Switch) -> Steps[Switched]:
    """Moves a deployment, and records what it was.

    The same again writes nothing. Conflict when the deployment is not what `wanted.before` says, or while runs of it
    are claimed and have not begun.
    """
    before = yield from _held(deployment_id)
    found = yield from _standing(before)
    record = yield from _record(deployment_id)
    after = _with_names(wanted.after, (yield from _place(switch.queue_id)), found)
    if record is not None and _is_done(record.upgrade, after, found):
        return Switched(record.upgrade)
    check_standing(found, wanted.before, before.name)
    moved, place = yield from _move(before, after, switch, None, going=True)
    made = Upgrade(
        id=switch.id,
        deployment_id=deployment_id,
        created=switch.now,
        updated=switch.now,
        status=UpgradeStatus.UPGRADED,
        before=found,
        after=after,
        remarks=wanted.remarks,
        moved_runs=moved,
    )
    yield from _keep(_Record(made, place.pool_id, _version(before)))
    return (yield from _told(made, switch.event))


@intent
def roll_back(deployment_id: UUID, switch: Switch) -> Steps[Switched]:
    """Moves a deployment back to where its upgrade found it.

    The same again writes nothing. NotFound without an upgrade; Conflict while runs of it are claimed and not begun.
    """
    current = yield from _held(deployment_id)
    record = yield from _record(deployment_id)
    if record is None:
        raise NotFound("The deployment has not been upgraded, so there is nothing to roll back.")
    known = record.upgrade
    if known.status is UpgradeStatus.ROLLED_BACK:
        return Switched(known)
    moved, place = yield from _move(current, known.before, switch, record.version, going=False)
    made = replace(known, updated=switch.now, status=UpgradeStatus.ROLLED_BACK, moved_runs=moved)
    yield from _keep(_Record(made, place.pool_id, record.version))
    return (yield from _told(made, switch.event))


@intent
def left_behind(before: datetime, limit: int) -> Steps[list[UUID]]:
    """Deployments with runs that are due before a moment in a pool that their deployment has left."""
    return [UUID(row[0]) for row in (yield SQL.left_behind(before=to_micros(before), limit=limit))]


@intent
def gather(deployment_id: UUID, now: datetime) -> Steps[tuple[int, str | None]]:
    """Brings after what waits in the pool that a deployment has left; how many runs, and the pool that they are in."""
    current = yield from deployments.find(deployment_id)
    record = (yield from _record(deployment_id)) if current else None
    if current is None or record is None:
        return 0, None
    place = yield from _place(current.work_queue_id)
    if place.pool_id == record.left_pool_id:
        return 0, None
    going = record.upgrade.status is UpgradeStatus.UPGRADED
    return (yield from _move_runs(current, record.left_pool_id, now, going=going)), place.pool_id


def check_standing(found: Standing, wanted: Standing, name: str) -> None:
    """Raises `Conflict` when a deployment is not what somebody thought it was."""
    other = [
        field for field in Standing.__struct_fields__ if getattr(_plain(found), field) != getattr(_plain(wanted), field)
    ]
    if other:
        raise Conflict(
            f"Deployment {name!r} is not what was planned for: {', '.join(other)} changed meanwhile."
            " Look at the plan again."
        )


def is_same(one: Standing, other: Standing) -> bool:
    """Whether two standings mean the same: no pull steps and an empty list of them do."""
    return _plain(one) == _plain(other)


def _plain(standing: Standing) -> Standing:
    return replace(standing, pull_steps=standing.pull_steps or None)


def _is_done(known: Upgrade, after: Standing, found: Standing) -> bool:
    return known.status is UpgradeStatus.UPGRADED and is_same(known.after, after) and is_same(found, after)


def _held(id: UUID) -> Steps[Deployment]:
    found = yield from deployments.find(id)
    if found is None:
        raise NotFound("Deployment not found")
    return found


def _record(id: UUID) -> Steps[_Record | None]:
    rows = yield SQL.read(id=str(id))
    return _Record(decode(rows[0][0]), rows[0][1], rows[0][2]) if rows else None


def _keep(record: _Record) -> Steps[None]:
    made = record.upgrade
    yield SQL.write(
        id=str(made.deployment_id),
        left_pool_id=record.left_pool_id,
        version=record.version,
        updated=to_micros(made.updated),
        doc=encode(made).decode(),
    )


def _place(queue_id: UUID | None) -> Steps[Place]:
    rows = (yield SQL.place(queue_id=str(queue_id))) if queue_id else []
    return Place(*rows[0]) if rows else Place()


def _standing(deployment: Deployment) -> Steps[Standing]:
    place = yield from _place(deployment.work_queue_id)
    return standing_of(replace(deployment, work_pool_name=place.pool_name, work_queue_name=place.queue_name))


def _with_names(after: Standing, place: Place, before: Standing) -> Standing:
    """Where the queue that is gone to stands, and with the block that runs which agents have taken still ask for."""
    block = after.infrastructure_document_id or before.infrastructure_document_id
    return replace(
        after,
        work_pool_name=place.pool_name,
        work_queue_name=place.queue_name,
        infrastructure_document_id=block,
    )


def _version(deployment: Deployment) -> int | None:
    number = deployment.labels.get(VERSION_LABEL)
    return number if isinstance(number, int) else None


def _move(
    current: Deployment, after: Standing, switch: Switch, restores: int | None, *, going: bool
) -> Steps[tuple[int, Place]]:
    """Writes a deployment anew with all that hangs on it; how many runs went along, and the place that was left."""
    yield SQL.hold_waiting(id=str(current.id))
    if not switch.force:
        yield from _check_claimed(current)
    left = yield from _place(current.work_queue_id)
    values: dict[str, Any] = {name: getattr(after, name) for name in _MOVED}
    values["pull_steps"] = values["pull_steps"] or []
    moved = replace(current, updated=switch.now, work_queue_id=switch.queue_id, **values)
    facts = VersionFacts(switch.version_id, restores=restores) if _version(current) is not None else None
    yield from deployment_versions.write(Write(moved, switch.limit_id, switch.now), facts)
    yield deployments.SQL.delete_planned(id=str(current.id), after=to_micros(switch.now))
    written = yield from _held(current.id)
    return (yield from _move_runs(written, left.pool_id, switch.now, going=going)), left


def _check_claimed(current: Deployment) -> Steps[None]:
    claimed = int((yield SQL.claimed(id=str(current.id)))[0][0])
    if claimed:
        runs = "A run" if claimed == 1 else f"{claimed} runs"
        raise Conflict(
            f"{runs} of deployment {current.name!r} {'is' if claimed == 1 else 'are'} claimed and"
            f" {'has' if claimed == 1 else 'have'} not begun: whoever claimed them still reads the deployment."
            " Ask again in some seconds, or move it nevertheless with `force`."
        )


def _move_runs(current: Deployment, left_pool_id: str | None, now: datetime, *, going: bool) -> Steps[int]:
    """Moves the runs that wait in the pool that was left to the deployment's queue and version; how many."""
    where = {"id": str(current.id), "pool_id": left_pool_id}
    found = [decode_run(row[0]) for row in (yield SQL.waiting(**where))]
    paused = [decode_run(row[0]) for row in (yield SQL.paused(**where))]
    found += [run for run in paused if run.state is not None and run.state.state_details.pause_reschedule]
    if not found:
        return 0
    turned = _along(current) if going else _back(current, (yield from _queues(found)))
    rows = [_row(replace(turned(run), updated=now)) for run in found]
    yield SQL.move.each(rows)
    return len(rows)


def _row(run: FlowRun) -> dict[str, Any]:
    return {
        "id": str(run.id),
        "work_queue_id": str(run.work_queue_id) if run.work_queue_id else None,
        "updated": to_micros(run.updated) if run.updated else 0,
        "doc": document(run),
    }


def _along(current: Deployment) -> Callable[[FlowRun], FlowRun]:
    """How a run goes along with an upgrade: its labels keep where it was."""
    number = current.labels.get(VERSION_LABEL)

    def moved(run: FlowRun) -> FlowRun:
        labels = {**run.labels, FROM_QUEUE: str(run.work_queue_id or _NO_QUEUE)}
        if VERSION_LABEL in labels:
            labels[FROM_VERSION] = labels[VERSION_LABEL]
        return replace(run, work_queue_id=current.work_queue_id, labels=_pinned(labels, number))

    return moved


def _back(current: Deployment, queues: set[str]) -> Callable[[FlowRun], FlowRun]:
    """How a run goes back: to where it was, if it was anywhere and that is still there."""
    number = current.labels.get(VERSION_LABEL)

    def moved(run: FlowRun) -> FlowRun:
        labels = dict(run.labels)
        queue, version = labels.pop(FROM_QUEUE, None), labels.pop(FROM_VERSION, None)
        target = UUID(queue) if isinstance(queue, str) and queue in queues else current.work_queue_id
        if queue == _NO_QUEUE:
            target = None
        return replace(run, work_queue_id=target, labels=_pinned(labels, version if version is not None else number))

    return moved


def _queues(runs: Iterable[FlowRun]) -> Steps[set[str]]:
    """Those of the queues that runs came from which are still there."""
    named = {str(run.labels[FROM_QUEUE]) for run in runs if FROM_QUEUE in run.labels} - {_NO_QUEUE}
    there = set()
    for id in sorted(named):
        if (yield SQL.place(queue_id=id)):
            there.add(id)
    return there


def _pinned(labels: dict[str, Any], version: object) -> dict[str, Any]:
    if version is None:
        return labels
    return {**labels, VERSION_LABEL: version}


def _told(made: Upgrade, event: ReceivedEvent) -> Steps[Switched]:
    """Writes the event with what it is about."""
    back = made.status is UpgradeStatus.ROLLED_BACK
    left, reached = (made.after, made.before) if back else (made.before, made.after)
    payload = {
        "from_work_pool": left.work_pool_name,
        "from_work_queue": left.work_queue_name,
        "work_pool": reached.work_pool_name,
        "work_queue": reached.work_queue_name,
        "moved_runs": made.moved_runs,
        "remarks": [one.code for one in made.remarks],
    }
    told = replace(event, payload=payload)
    yield emit(told)
    return Switched(made, told)
