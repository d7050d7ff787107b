"""A deployment's schedules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from msgspec import UNSET, structs

from penstock.core import schedules as calendar
from penstock.errors import InvalidRequest, NotFound
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.server.broadcast import SCHEDULES
from penstock.store import deployments as store
from penstock.wire import deployments as wire
from penstock.wire.model import changed
from penstock.wire.schedules import DeploymentSchedule, DeploymentScheduleCreate, DeploymentScheduleUpdate


def checked(wanted: Sequence[DeploymentScheduleCreate], now: datetime) -> list[DeploymentScheduleCreate]:
    """The schedules with their rules as they are kept. ScheduleInvalid for one that can't be understood."""
    return [structs.replace(one, schedule=calendar.to_wire(calendar.parse(one.schedule, now=now))) for one in wanted]


def new_schedule(wanted: DeploymentScheduleCreate, deployment_id: UUID, now: datetime) -> DeploymentSchedule:
    """A schedule that is not stored yet."""
    return DeploymentSchedule(
        id=new_id(),
        schedule=wanted.schedule,
        created=now,
        updated=now,
        deployment_id=deployment_id,
        active=wanted.active,
        max_scheduled_runs=wanted.max_scheduled_runs,
        parameters=wanted.parameters,
        slug=wanted.slug,
    )


def replaced(
    known: Sequence[DeploymentSchedule], wanted: Sequence[DeploymentScheduleUpdate], id: UUID, now: datetime
) -> list[DeploymentSchedule]:
    """All schedules of a deployment after an update.

    Where every one, known and wanted, has a slug, they are matched by it, and `replaces` renames; else the
    wanted take the place of all. InvalidRequest when known ones have slugs and some wanted one has none.
    """
    slugs = [one.slug for one in wanted]
    if known and all(one.slug for one in known):
        if not all(slugs):
            raise InvalidRequest(
                "Schedules with slugs are there, so each new one needs a slug to tell which it changes."
            )
        return _matched({str(one.slug): one for one in known}, wanted, id, now)
    return [_fresh(one, id, now) for one in wanted]


def _matched(
    known: dict[str, DeploymentSchedule], wanted: Sequence[DeploymentScheduleUpdate], id: UUID, now: datetime
) -> list[DeploymentSchedule]:
    taken: set[str] = set()
    after = dict(known)
    for one in wanted:
        slug = str(one.slug)
        old = str(one.replaces) if one.replaces else slug
        if old in taken or (old != slug and slug in known):
            raise InvalidRequest(f"More than one schedule would become or replace {old!r}.")
        taken.add(old)
        after[old] = _changed(known[old], one, now) if old in known else _fresh(one, id, now)
    return list(after.values())


def _fresh(wanted: DeploymentScheduleUpdate, id: UUID, now: datetime) -> DeploymentSchedule:
    given = {name: value for name, value in changed(wanted).items() if value is not None}
    if "schedule" not in given:
        raise InvalidRequest("A new schedule needs its rule.", loc=("schedules",))
    return new_schedule(checked([DeploymentScheduleCreate(**given)], now)[0], id, now)


def _changed(known: DeploymentSchedule, wanted: DeploymentScheduleUpdate, now: datetime) -> DeploymentSchedule:
    given = {name: value for name, value in changed(wanted).items() if name != "replaces"}
    if wanted.schedule is not UNSET:
        given["schedule"] = calendar.to_wire(calendar.parse(given["schedule"], now=now))
    if given.get("active", True) is None:
        given.pop("active")
    return structs.replace(known, updated=now, **given)


@handles(wire.read_schedules)
async def list_schedules(at: Request, id: UUID) -> list[DeploymentSchedule]:
    """A deployment's schedules."""
    await _check_deployment(at, id)
    return await at.store.read(store.schedules_of(id))


@handles(wire.create_schedules)
async def create(at: Request, body: list[DeploymentScheduleCreate], id: UUID) -> list[DeploymentSchedule]:
    """Adds schedules to a deployment."""
    await _check_deployment(at, id)
    made = [new_schedule(one, id, at.now) for one in checked(body, at.now)]
    await at.store.write(store.write_schedules(id, made, at.now))
    at.hub.wake(SCHEDULES)
    return made


@handles(wire.update_schedule)
async def update(at: Request, body: DeploymentScheduleUpdate, id: UUID, schedule_id: UUID) -> None:
    """Changes a schedule; the runs that were planned ahead are planned anew."""
    await _check_deployment(at, id)
    known = {one.id: one for one in await at.store.read(store.schedules_of(id))}
    if schedule_id not in known:
        raise NotFound("Schedule not found.")
    await at.store.write(store.write_schedules(id, [_changed(known[schedule_id], body, at.now)], at.now))
    at.hub.wake(SCHEDULES)


@handles(wire.delete_schedule)
async def delete(at: Request, id: UUID, schedule_id: UUID) -> None:
    """Deletes a schedule and the runs it planned."""
    await _check_deployment(at, id)
    if not await at.store.write(store.delete_schedule(id, schedule_id, at.now)):
        raise NotFound("Schedule not found.")


async def _check_deployment(at: Request, id: UUID) -> None:
    if await at.store.read(store.find(id)) is None:
        raise NotFound("Deployment not found")
