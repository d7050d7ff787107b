"""Deployments made from code: `flow.to_deployment()`, `flow.serve()`, `flow.deploy()`, `serve(...)`."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, Unpack
from uuid import UUID

from penstock import settings as configuration
from penstock.clock import utc_now
from penstock.core.parameters import as_json, misnamed, parameter_schema
from penstock.core.schedules import parse, to_wire
from penstock.errors import InvalidRequest
from penstock.plugins import load
from penstock.sdk.effects import Call, Steps, drive
from penstock.wire.deployments import ConcurrencyOptions, DeploymentCreate, create_deployment
from penstock.wire.flows import FlowCreate, create_flow
from penstock.wire.schedules import DeploymentScheduleCreate

if TYPE_CHECKING:
    from penstock.sdk.flow import Flow

PROGRAMS = "penstock.programs"


class DeploymentOptions(TypedDict, total=False):
    """What `to_deployment(...)`, `serve(...)` and `deploy(...)` take beside the name."""

    interval: float | timedelta | None
    cron: str | None
    rrule: str | None
    timezone: str | None
    schedules: Sequence[dict[str, Any]] | None
    parameters: dict[str, Any] | None
    description: str | None
    tags: Sequence[str] | None
    version: str | None
    paused: bool
    enforce_parameter_schema: bool
    concurrency_limit: int | None
    collision_strategy: str | None
    work_queue_name: str | None
    job_variables: dict[str, Any] | None
    image: str | None
    build: bool
    push: bool


@dataclass(frozen=True)
class RunnerDeployment:
    """A deployment that is yet to be told to the server."""

    flow: Flow[..., Any]
    name: str
    options: DeploymentOptions = field(default_factory=DeploymentOptions)

    def apply(self, work_pool_name: str | None = None) -> UUID:
        """Makes or updates it on the server; its id."""
        return drive(_apply(self, work_pool_name))


def to_deployment(flow: Flow[..., Any], name: str, **options: Unpack[DeploymentOptions]) -> RunnerDeployment:
    """The deployment of a flow. Raises `InvalidRequest` for a parameter that the flow does not have."""
    wrong = misnamed(flow.fn, options.get("parameters") or {})
    if wrong:
        raise InvalidRequest(wrong, loc=("parameters",))
    return RunnerDeployment(flow, name.removeprefix(f"{flow.name}/"), options)


def deploy_flow(
    flow: Flow[..., Any], name: str, work_pool_name: str | None = None, **options: Unpack[DeploymentOptions]
) -> UUID:
    """Makes or updates a deployment on a work pool, by default the one the settings name; its id."""
    if options.get("build") or options.get("push"):
        raise InvalidRequest("flow.deploy() builds no images: say build=False, and build in prefect.yaml or elsewhere.")
    image = options.get("image")
    if image:
        options["job_variables"] = {"image": image, **(options.get("job_variables") or {})}
    return to_deployment(flow, name, **options).apply(_pool(work_pool_name))


def deploy(*deployments: RunnerDeployment, work_pool_name: str | None = None) -> list[UUID]:
    """Makes or updates several deployments on a work pool, by default the one the settings name; their ids."""
    return [deployment.apply(_pool(work_pool_name)) for deployment in deployments]


def serve(*deployments: RunnerDeployment, limit: int | None = None, pause_on_shutdown: bool = True) -> None:
    """Runs what is due of these deployments in processes of this machine, until stopped.

    Their schedules are paused at the end, unless told not to.
    """
    ids = [deployment.apply() for deployment in deployments]
    for deployment in deployments:
        print(f"Serving {deployment.flow.name}/{deployment.name}. Stop with Ctrl-C.")
    run = load(PROGRAMS, "serve_deployments")
    if run is None:
        raise InvalidRequest("This installation can't serve deployments: it has no program for it.")
    run(ids, configuration.current(), limit=limit, pause_on_shutdown=pause_on_shutdown)


def _pool(name: str | None) -> str:
    pool = name or configuration.current().deployments.default_work_pool_name
    if not pool:
        raise InvalidRequest("Name a work pool (work_pool_name), or set deployments.default_work_pool_name.")
    return pool


def _apply(deployment: RunnerDeployment, pool: str | None) -> Steps[UUID]:
    flow, options = deployment.flow, deployment.options
    registered = yield Call(create_flow, FlowCreate(name=flow.name))
    strategy: Any = options.get("collision_strategy")
    folder, entrypoint, pull_steps = place_of(flow)
    made = yield Call(
        create_deployment,
        DeploymentCreate(
            name=deployment.name,
            flow_id=registered.id,
            paused=options.get("paused", False),
            schedules=schedules_of(options, utc_now()),
            concurrency_limit=options.get("concurrency_limit"),
            concurrency_options=ConcurrencyOptions(collision_strategy=strategy) if strategy else None,
            parameters={name: as_json(value) for name, value in (options.get("parameters") or {}).items()},
            parameter_openapi_schema=parameter_schema(flow.fn),
            enforce_parameter_schema=options.get("enforce_parameter_schema", True),
            description=options.get("description") or flow.description,
            tags=list(options.get("tags") or ()),
            version=options.get("version") or flow.version,
            path=folder,
            entrypoint=entrypoint,
            pull_steps=pull_steps if pull_steps or pool is None else None,
            work_pool_name=pool,
            work_queue_name=options.get("work_queue_name"),
            job_variables=options.get("job_variables") or {},
        ),
    )
    return made.id  # type: ignore[no-any-return]  # what a Call gives depends on its endpoint


def place_of(flow: Flow[..., Any]) -> tuple[str | None, str, list[dict[str, Any]] | None]:
    """Where a run finds the flow: folder, entrypoint, pull steps. Raises `InvalidRequest` for one without a file."""
    if flow.source is not None:
        return flow.source.path, flow.source.entrypoint, flow.source.pull_steps
    try:
        file = Path(inspect.getsourcefile(flow.fn) or "").resolve()
    except TypeError:
        file = Path()
    if not file.is_file():
        raise InvalidRequest(f"The flow {flow.name!r} stands in no file, so no other process could run it.")
    folder = Path.cwd() if file.is_relative_to(Path.cwd()) else file.parent
    return str(folder), f"{file.relative_to(folder).as_posix()}:{flow.fn.__qualname__}", None


def schedules_of(options: DeploymentOptions, now: datetime) -> list[DeploymentScheduleCreate]:
    """The schedules that the options ask for, checked. Raises `ScheduleInvalid`."""
    zone = {"timezone": options["timezone"]} if options.get("timezone") else {}
    asked: list[dict[str, Any]] = list(options.get("schedules") or ())
    interval = options.get("interval")
    if interval is not None:
        seconds = interval.total_seconds() if isinstance(interval, timedelta) else float(interval)
        asked.append({"interval": seconds, **zone})
    asked += [{kind: value, **zone} for kind in ("cron", "rrule") if (value := options.get(kind))]
    return [_schedule(one, now) for one in asked]


def _schedule(asked: dict[str, Any], now: datetime) -> DeploymentScheduleCreate:
    about: dict[str, Any] = {
        name: asked[name] for name in ("active", "parameters", "slug", "max_scheduled_runs") if name in asked
    }
    when = asked.get("schedule") or {name: value for name, value in asked.items() if name not in about}
    return DeploymentScheduleCreate(schedule=to_wire(parse(when, now=now)), **about)
