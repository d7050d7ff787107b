"""Versions of deployments: deploying with one, reading them, and what a run that is pinned to one sees."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from msgspec import UNSET, UnsetType, structs

from penstock.core import schedules as calendar
from penstock.errors import Conflict, InvalidRequest, NotFound, PenstockError
from penstock.ids import new_id
from penstock.server.bind import Encoded, Request, handles
from penstock.server.routes.deployment_schedules import checked, new_schedule
from penstock.server.routes.deployments import change, known, make, shown
from penstock.store import deployment_versions as store
from penstock.store import deployments, flows
from penstock.store.deployment_versions import VersionFacts
from penstock.store.flow_run_states import read_known
from penstock.wire import deployment_versions as wire
from penstock.wire.deployment_versions import (
    VERSION_LABEL,
    DeploymentName,
    FirstVersion,
    FirstVersionMade,
    FirstVersions,
    KeptSchedule,
    NextVersion,
    SurveyOfDeployments,
)
from penstock.wire.flow_runs import FlowRun
from penstock.wire.model import encode
from penstock.wire.schedules import DeploymentSchedule, DeploymentScheduleCreate

MOST = 200
MOST_MADE = 50
SIDE_BY_SIDE = 8


@handles(wire.survey_deployments)
async def survey(at: Request, body: SurveyOfDeployments) -> Encoded:
    """What there is of many deployments, in the order asked."""
    if len(body.deployments) > MOST:
        raise InvalidRequest(f"At most {MOST} deployments are surveyed at once.", loc=("body", "deployments"))
    return Encoded(b"[" + b",".join([await _surveyed(at, one) for one in body.deployments]) + b"]")


async def _surveyed(at: Request, asked: DeploymentName) -> bytes:
    flow_id = await at.store.read(flows.id_of(asked.flow_name))
    id = await at.store.read(deployments.known_id(flow_id, asked.name)) if flow_id else None
    found = await at.store.read(deployments.read(id, at.store.dialect, at.now)) if id else None
    version = await at.store.read(store.latest(id)) if id and found else None
    flow = b"null" if flow_id is None else f'"{flow_id}"'.encode()
    return b'{"flow_id":%b,"deployment":%b,"version":%b}' % (flow, found or b"null", version or b"null")


@handles(wire.create_first_version)
async def create_first(at: Request, body: FirstVersion) -> Encoded:
    """Makes a deployment with its first version."""
    id, _ = await make(at, body.deployment, VersionFacts(new_id(), body.source, body.applied))
    return await _latest(at, id)


@handles(wire.create_first_versions)
async def create_several(at: Request, body: FirstVersions) -> list[FirstVersionMade]:
    """Makes several deployments, side by side, with what became of each in their order."""
    if len(body.deployments) > MOST_MADE:
        raise InvalidRequest(f"At most {MOST_MADE} deployments are made at once.", loc=("body", "deployments"))
    slots = asyncio.Semaphore(SIDE_BY_SIDE)

    async def made(one: FirstVersion) -> FirstVersionMade:
        async with slots:
            return await _made(at, one)

    return await asyncio.gather(*map(made, body.deployments))


async def _made(at: Request, body: FirstVersion) -> FirstVersionMade:
    try:
        id, _ = await make(at, body.deployment, VersionFacts(new_id(), body.source, body.applied))
    except PenstockError as error:
        where = [str(step) for step in (getattr(error, "loc", None) or ())[1:]]
        return FirstVersionMade(fault=": ".join([*where, error.message]))
    latest = await at.store.read(store.latest(id))
    return FirstVersionMade(version=store.decode(latest) if latest else None)


@handles(wire.create_version)
async def create(at: Request, body: NextVersion, id: UUID) -> Encoded:
    """Changes a deployment and makes a version of it."""
    if body.update.schedules is not UNSET:
        raise InvalidRequest("Schedules stand beside the update, each with its id.", loc=("body", "update"))
    await known(at, id)
    schedules = None if isinstance(body.schedules, UnsetType) else await _schedules(at, id, body.schedules)
    facts = VersionFacts(new_id(), body.source, body.applied, body.restores, body.based_on)
    await change(at, id, body.update, schedules, facts, body.labels)
    return await _latest(at, id)


async def _schedules(at: Request, id: UUID, wanted: list[KeptSchedule]) -> list[DeploymentSchedule]:
    """All schedules that there will be. Conflict for one that is to be kept and is gone."""
    there = {one.id: one for one in await at.store.read(deployments.schedules_of(id))}
    lost = [str(one.id) for one in wanted if one.id is not None and one.id not in there]
    if lost:
        raise Conflict(f"The schedule {lost[0]} was deleted meanwhile: look at the plan again.")
    return [_schedule(at, id, one, there.get(one.id) if one.id else None) for one in wanted]


def _schedule(at: Request, id: UUID, wanted: KeptSchedule, before: DeploymentSchedule | None) -> DeploymentSchedule:
    values: dict[str, Any] = {
        name: getattr(wanted, name) for name in ("active", "max_scheduled_runs", "parameters", "slug")
    }
    if before is None:
        (new,) = checked([DeploymentScheduleCreate(schedule=wanted.schedule, **values)], at.now)
        return new_schedule(new, id, at.now)
    rule = calendar.to_wire(calendar.parse(wanted.schedule, now=at.now))
    after = structs.replace(before, schedule=rule, **values)
    return before if after == before else structs.replace(after, updated=at.now)


async def _latest(at: Request, id: UUID) -> Encoded:
    return _found(await at.store.read(store.latest(id)))


def _found(data: bytes | None) -> Encoded:
    if data is None:
        raise NotFound("Deployment version not found")
    return Encoded(data)


@handles(wire.list_versions)
async def list_versions(at: Request, id: UUID) -> Encoded:
    """A deployment's versions, the newest first."""
    limit = at.query.get("limit", "")
    await known(at, id)
    return Encoded(await at.store.read(store.list_versions(id, min(int(limit), MOST) if limit.isdigit() else MOST)))


@handles(wire.read_version)
async def read(at: Request, id: UUID, number: str) -> Encoded:
    """One version of a deployment."""
    return _found(await at.store.read(store.read(id, int(number))) if number.isdigit() else None)


@handles(wire.read_pinned_deployment)
async def read_pinned(at: Request, id: UUID) -> Encoded:
    """A run's deployment, as the version has it that the run was made of."""
    run = (await at.store.read(read_known(id))).run
    if run.deployment_id is None:
        raise NotFound("The run is of no deployment.")
    deployment = (await shown(at, run.deployment_id)).data
    return Encoded(await as_pinned(at, run, deployment))


async def as_pinned(at: Request, run: FlowRun, deployment: bytes) -> bytes:
    """The JSON of a run's deployment with the values of the version that the run is pinned to."""
    number = run.labels.get(VERSION_LABEL)
    if number is None or _is_at(deployment, number):
        return deployment
    current = deployments.decode(deployment)
    if current.labels.get(VERSION_LABEL) == number:
        return deployment
    return encode(await at.store.read(store.at_version(current, int(number))))


def _is_at(deployment: bytes, number: object) -> bool:
    """Whether the current version is meant, without decoding: most runs are of that one."""
    mark = f'"{VERSION_LABEL}":{number}'.encode()
    return any(mark + end in deployment for end in (b",", b"}"))
