"""Upgrades of deployments from agents to workers, and their rollbacks: each is one transaction.

Whoever takes runs reads the deployment afterwards, so a deployment moves only while none of its runs is taken and
has not begun. Runs that nobody has taken go along and are pinned to the new version, for they are carried out by the
new pool's settings; their labels keep where they were. Runs that schedules have planned are planned anew at once.
What becomes due in the pool that was left (a retry, a run whose worker was lost, one that was just being made) is
brought after by `gather`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec.structs import replace

from penstock.clock import to_micros
from penstock.core.upgrade_plans import standing_of
from penstock.errors import Conflict, NotFound, ScheduleInvalid
from penstock.store import deployment_versions, deployments
from penstock.store.database import Steps, intent
from penstock.store.deployment_versions import VersionFacts, Write
from penstock.store.documents import as_array
from penstock.store.events import emit
from penstock.store.flow_run_documents import decode as decode_run
from penstock.store.flow_run_documents import document
from penstock.store.planned_runs import Horizon, plan
from penstock.store.statements import load
from penstock.wire.deployment_versions import VERSION_LABEL
from penstock.wire.deployments import Deployment
from penstock.wire.events import ReceivedEvent
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.states import StateType
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
    """What an upgrade or a rollback brings along: the queue that is gone to, the event that tells of it, the time, how
    far ahead runs are planned anew, and where ids come from."""

    queue_id: UUID | None
    event: ReceivedEvent
    now: datetime
    horizon: Horizon
    ids: Callable[[], UUID]
    force: bool = False


@dataclass(frozen=True, slots=True)
class Switched:
    """The upgrade as it is recorded now, and what was done for it: nothing, when it had been done before."""

    upgrade: Upgrade
    event: ReceivedEvent | None = None
    pool_id: str | None = None
    """The pool that its runs are in now."""
    cancels_new: bool = False
    """Whether its runs that are due while no slot is free are cancelled."""


@dataclass(frozen=True, slots=True)
class Place:
    """A queue with its pool."""

    queue_name: str | None = None
    pool_id: str | None = None
    pool_name: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A deployment with where it stands, and the newest upgrade of it."""

    deployment: Deployment
    standing: Standing
    upgrade: Upgrade | None


@dataclass(frozen=True, slots=True)
class _Record:
    upgrade: Upgrade
    left_pool_id: str | None
    version: int | None


@dataclass(frozen=True, slots=True)
class _Case:
    """A deployment that is held against others, with all that its move needs to be known."""

    deployment: Deployment
    record: _Record | None
    place: Place
    target: Place
    has_schedules: bool

    @property
    def standing(self) -> Standing:
        return _standing(self.deployment, self.place)


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
def find_all(deployment_ids: Iterable[UUID]) -> Steps[dict[UUID, Found]]:
    """Those of some deployments that there are, each with where it stands and its newest upgrade."""
    rows = yield SQL.found(ids=json.dumps([str(id) for id in deployment_ids]))
    found = {}
    for doc, recorded, *place in rows:
        deployment = deployments.decode(doc)
        standing = _standing(deployment, Place(*place))
        found[deployment.id] = Found(deployment, standing, decode(recorded) if recorded else None)
    return found


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
    case = yield from _held(deployment_id, switch.queue_id)
    before = case.standing
    after = _with_names(wanted.after, case.target, before)
    if case.record is not None and _is_done(case.record.upgrade, after, before):
        return Switched(case.record.upgrade)
    check_standing(before, wanted.before, case.deployment.name)
    moved = yield from _move(case, after, switch, going=True)
    made = Upgrade(
        id=switch.ids(),
        deployment_id=deployment_id,
        created=switch.now,
        updated=switch.now,
        status=UpgradeStatus.UPGRADED,
        before=before,
        after=after,
        remarks=wanted.remarks,
        moved_runs=moved,
    )
    yield from _keep(_Record(made, case.place.pool_id, _version(case.deployment)))
    return (yield from _told(made, case, switch.event))


@intent
def roll_back(deployment_id: UUID, switch: Switch) -> Steps[Switched]:
    """Moves a deployment back to where its upgrade found it.

    The same again writes nothing. NotFound without an upgrade; Conflict while runs of it are claimed and not begun.
    """
    case = yield from _held(deployment_id, switch.queue_id)
    if case.record is None:
        raise NotFound("The deployment has not been upgraded, so there is nothing to roll back.")
    known, version = case.record.upgrade, case.record.version
    if known.status is UpgradeStatus.ROLLED_BACK:
        return Switched(known)
    moved = yield from _move(case, known.before, switch, going=False)
    made = replace(known, updated=switch.now, status=UpgradeStatus.ROLLED_BACK, moved_runs=moved)
    yield from _keep(_Record(made, case.place.pool_id, version))
    return (yield from _told(made, case, switch.event))


@intent
def behind(deployment_ids: Iterable[UUID]) -> Steps[list[UUID]]:
    """Those of some deployments with runs that wait, due or not, where their deployment is no more."""
    return [UUID(row[0]) for row in (yield SQL.behind(ids=json.dumps([str(id) for id in deployment_ids])))]


@intent
def left_behind(before: datetime, limit: int) -> Steps[list[UUID]]:
    """Deployments with runs that are due before a moment where their deployment is no more."""
    moment = to_micros(before)
    found = [row[0] for row in (yield SQL.left_behind(before=moment, limit=limit))]
    found += [row[0] for row in (yield SQL.left_without_queue(before=moment, limit=limit))]
    return [UUID(id) for id in dict.fromkeys(found)][:limit]


@intent
def gather(deployment_id: UUID, now: datetime) -> Steps[tuple[int, str | None]]:
    """Brings after what waits in the pool that a deployment has left; how many runs, and the pool that they are in."""
    current = yield from deployments.find(deployment_id)
    case = (yield from _case(current, None)) if current else None
    if case is None or case.record is None or case.place.pool_id == case.record.left_pool_id:
        return 0, None
    going = case.record.upgrade.status is UpgradeStatus.UPGRADED
    waiting = yield from _waiting(deployment_id, case.record.left_pool_id)
    return (yield from _move_runs(case.deployment, waiting, now, going=going)), case.place.pool_id


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


def _held(id: UUID, queue_id: UUID | None) -> Steps[_Case]:
    """A deployment that nobody else changes until the end of the transaction, on its way to a queue."""
    found = yield from deployments.find(id)
    if found is None:
        raise NotFound("Deployment not found")
    return (yield from _case(found, queue_id))


def _case(deployment: Deployment, queue_id: UUID | None) -> Steps[_Case]:
    rows = yield SQL.around(id=str(deployment.id), queue_id=str(queue_id) if queue_id else None)
    doc, left_pool_id, version, has_schedules, *places = rows[0]
    record = _Record(decode(doc), left_pool_id, version) if doc else None
    return _Case(deployment, record, Place(*places[:3]), Place(*places[3:]), bool(has_schedules))


def _keep(record: _Record) -> Steps[None]:
    made = record.upgrade
    yield SQL.write(
        id=str(made.deployment_id),
        left_pool_id=record.left_pool_id,
        version=record.version,
        updated=to_micros(made.updated),
        doc=encode(made).decode(),
    )


def _standing(deployment: Deployment, place: Place) -> Standing:
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


def _move(case: _Case, after: Standing, switch: Switch, *, going: bool) -> Steps[int]:
    """Writes a deployment anew with all that hangs on it; how many runs went along."""
    current = case.deployment
    yield deployments.SQL.delete_planned(id=str(current.id), after=to_micros(switch.now))
    waiting = yield from _waiting(current.id, case.place.pool_id)  # which waits for those who are claiming one
    if not switch.force:
        yield from _check_claimed(current)
    values: dict[str, Any] = {name: getattr(after, name) for name in _MOVED}
    values["pull_steps"] = values["pull_steps"] or []
    moved = replace(current, updated=switch.now, work_queue_id=switch.queue_id, **values)
    restores = case.record.version if case.record and not going else None
    facts = VersionFacts(switch.ids(), restores=restores) if _version(current) is not None else None
    written = yield from deployment_versions.write(Write(moved, switch.ids(), switch.now), facts)
    count = yield from _move_runs(written, waiting, switch.now, going=going)
    if case.has_schedules:
        yield from _plan(written, switch)
    return count


def _plan(deployment: Deployment, switch: Switch) -> Steps[None]:
    """Plans runs anew, so that none is late because the service that does so has not come by yet."""
    try:
        yield from plan(deployment, switch.horizon, switch.now, switch.ids)
    except ScheduleInvalid:
        return  # the service says so, at each of its passes


def _check_claimed(current: Deployment) -> Steps[None]:
    claimed = int((yield SQL.claimed(id=str(current.id)))[0][0])
    if claimed:
        runs = "A run" if claimed == 1 else f"{claimed} runs"
        raise Conflict(
            f"{runs} of deployment {current.name!r} {'is' if claimed == 1 else 'are'} claimed and"
            f" {'has' if claimed == 1 else 'have'} not begun: whoever claimed them still reads the deployment."
            " Ask again in some seconds, or move it nevertheless with `force`."
        )


def _waiting(deployment_id: UUID, left_pool_id: str | None) -> Steps[list[FlowRun]]:
    """The runs of a deployment that somebody has still to take, in the pool that is left or in none."""
    rows = yield SQL.waiting(id=str(deployment_id), pool_id=left_pool_id)
    found = [decode_run(doc) for doc, is_there in rows if is_there]
    return [run for run in found if _is_to_be_taken(run)]


def _is_to_be_taken(run: FlowRun) -> bool:
    """A run that is paused within its process goes on there."""
    paused = run.state_type is StateType.PAUSED
    return not paused or (run.state is not None and bool(run.state.state_details.pause_reschedule))


def _move_runs(current: Deployment, found: Sequence[FlowRun], now: datetime, *, going: bool) -> Steps[int]:
    """Moves runs to the deployment's queue and version; how many."""
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
        if (yield SQL.queue(id=id)):
            there.add(id)
    return there


def _pinned(labels: dict[str, Any], version: object) -> dict[str, Any]:
    if version is None:
        return labels
    return {**labels, VERSION_LABEL: version}


def _told(made: Upgrade, case: _Case, event: ReceivedEvent) -> Steps[Switched]:
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
    return Switched(made, told, case.target.pool_id, deployments.cancels_new(case.deployment))
