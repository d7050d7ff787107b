"""Deployments made from code: `flow.to_deployment()`, `flow.serve()`, `flow.deploy()`, `serve(...)`, `deploy(...)`.

What is said here becomes the values that an entry of `prefect.yaml` would have, and so the same plan.
"""

from __future__ import annotations

import inspect
import logging
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack
from uuid import UUID

from penstock import settings as configuration
from penstock.client import deployments as client
from penstock.clock import utc_now
from penstock.core import deployment_values
from penstock.core.deployment_plans import DeploymentPlan, FlowFacts
from penstock.core.images import architecture_doubt
from penstock.core.parameters import misnamed
from penstock.errors import DeployFailed, InvalidRequest, NotFound
from penstock.plugins import load
from penstock.sdk.deployment_options import DeploymentOptions, PlacedOptions, check_options, values_of
from penstock.sdk.images import DockerImage
from penstock.sdk.session import session
from penstock.sdk.sources import Source
from penstock.wire.deployments import resume_deployment
from penstock.wire.work_pools import WorkPool, read_work_pool

if TYPE_CHECKING:
    from penstock.sdk.flow import Flow

PROGRAMS = "penstock.programs"
log = logging.getLogger("penstock.deployments")


@dataclass(frozen=True)
class RunnerDeployment:
    """A deployment that is yet to be told to the server."""

    flow: Flow[..., Any]
    name: str
    options: PlacedOptions = field(default_factory=PlacedOptions)

    @property
    def full_name(self) -> str:
        return f"{self.flow.name}/{self.name}"

    def apply(self, work_pool_name: str | None = None) -> UUID:
        """Makes or updates it on the server; its id. Raises `DeployFailed` that says what is wrong."""
        return _applied([self.planned(work_pool_name)])[0]

    def planned(self, work_pool_name: str | None = None) -> DeploymentPlan:
        """What it will be, checked against the pool; nothing is made. Raises `DeployFailed`."""
        name = work_pool_name or self.options.get("work_pool_name")
        try:
            return plan(self, _read_pool(name) if name else None, utc_now())
        except DeployFailed as error:
            raise DeployFailed(f"deployment {self.full_name!r}: {error.message}") from error


def to_deployment(flow: Flow[..., Any], name: str, **options: Unpack[PlacedOptions]) -> RunnerDeployment:
    """The deployment of a flow. Raises `InvalidRequest` for an option there is not, a parameter the flow has not."""
    check_options(options)
    wrong = misnamed(flow.fn, options.get("parameters") or {})
    if wrong:
        raise InvalidRequest(wrong, loc=("parameters",))
    return RunnerDeployment(flow, name.removeprefix(f"{flow.name}/"), options)


def deploy_flow(
    flow: Flow[..., Any], name: str, work_pool_name: str | None = None, **options: Unpack[DeploymentOptions]
) -> UUID:
    """Makes or updates a deployment on a work pool, by default the one the settings name; its id.

    An `image` is built and pushed first, unless `build=False` or `push=False` is said.
    """
    return _made([to_deployment(flow, name, **options)], work_pool_name)[0]


def deploy(
    *deployments: RunnerDeployment,
    work_pool_name: str | None = None,
    image: str | DockerImage | None = None,
    build: bool = True,
    push: bool = True,
) -> list[UUID]:
    """Makes or updates several deployments on a work pool, by default the one the settings name; their ids.

    All are checked before the image is built and pushed, and that is done before the first deployment is made.
    """
    shared: PlacedOptions = {"image": image, "build": build, "push": push} if image else {}
    return _made([replace(one, options={**one.options, **shared}) for one in deployments], work_pool_name)


def _made(deployments: Sequence[RunnerDeployment], work_pool_name: str | None) -> list[UUID]:
    """Deployments of the same image share one build of it."""
    images: dict[str, DockerImage] = {}
    with_images = [_with_image(one, images) for one in deployments]
    named = [(one, work_pool_name or one.options.get("work_pool_name")) for one in with_images]
    plans = [one.planned(_pool_name(pool)) for one, pool in named]
    to_push = {str(one.options.get("image")) for one in with_images if one.options.get("push") is not False}
    for image in images.values():
        image.build()
        if image.reference in to_push:
            image.push()
    return _applied(plans)


def _with_image(deployment: RunnerDeployment, images: dict[str, DockerImage]) -> RunnerDeployment:
    """The deployment, with the image that is to be built for it, if one is."""
    image = deployment.options.get("image")
    if not image or deployment.options.get("build") is False:
        return deployment
    built = images.get(str(image)) or (DockerImage(image) if isinstance(image, str) else image)
    images[str(image)] = built
    return replace(deployment, options={**deployment.options, "image": built})


def serve(*deployments: RunnerDeployment, limit: int | None = None, pause_on_shutdown: bool = True) -> None:
    """Runs what is due of these deployments in processes of this machine, until stopped.

    Their schedules are paused at the end, unless told not to.
    """
    run = load(PROGRAMS, "serve_deployments")
    if run is None:
        raise InvalidRequest("This installation can't serve deployments: it has no program for it.")
    plans = [deployment.planned() for deployment in deployments]
    ids = _applied(plans)
    for id in (id for id, made in zip(ids, plans, strict=True) if not made.paused):
        session().client.call(resume_deployment, id=id)  # the end of serving paused it
    for deployment in deployments:
        print(f"Serving {deployment.full_name}. Stop with Ctrl-C.")
    run(ids, configuration.current(), limit=limit, pause_on_shutdown=pause_on_shutdown)


def _applied(plans: Sequence[DeploymentPlan]) -> list[UUID]:
    for made in plans:
        for warning in made.warnings:
            log.warning("deployment %r: %s", made.full_name, warning)
    return [client.apply(session().client, made).id for made in plans]


def _pool_name(name: str | None) -> str:
    pool = name or configuration.current().deployments.default_work_pool_name
    if not pool:
        raise InvalidRequest("Name a work pool (work_pool_name), or set deployments.default_work_pool_name.")
    return pool


def _read_pool(name: str) -> WorkPool:
    try:
        return session().client.call(read_work_pool, name=name)
    except NotFound:
        raise DeployFailed(f"there is no work pool {name!r}.") from None


def plan(deployment: RunnerDeployment, pool: WorkPool | None, now: datetime) -> DeploymentPlan:
    """What the deployment will be on a pool, or served (no pool). Raises `DeployFailed`, `ScheduleInvalid`."""
    source = place_of(deployment.flow, served=pool is None, in_image=bool(deployment.options.get("image")))
    values = {
        **values_of(deployment.name, deployment.options, pool.name if pool else None),
        "entrypoint": source.entrypoint,
    }
    facts = FlowFacts.of(deployment.flow)
    deployment_values.check_name(values)
    if pool:
        _check_image(deployment, pool)
        deployment_values.check_pool(values, pool)
    doubts = [*deployment_values.doubts(values, facts), *(_misfit(deployment, pool) if pool else ())]
    if pool and deployment.flow.source is None and not deployment.options.get("image"):
        doubts += deployment_values.place_doubts(values, pool, source.path or str(Path.cwd()))
    return deployment_values.plan(values, facts, source.pull_steps, now=now, path=source.path, warnings=doubts)


def _check_image(deployment: RunnerDeployment, pool: WorkPool) -> None:
    if deployment.options.get("image") and not deployment_values.takes_image(pool):
        raise DeployFailed(f"the pool {pool.name!r} starts no images (its template has no variable 'image').")


def _misfit(deployment: RunnerDeployment, pool: WorkPool) -> list[str]:
    """What an image that is built here lacks to start there."""
    image = deployment.options.get("image")
    if not isinstance(image, DockerImage) or deployment.options.get("build") is False:
        return []
    doubt = architecture_doubt(pool.type, image.build_kwargs.get("platform"), platform.machine())
    return [doubt] if doubt else []


def place_of(flow: Flow[..., Any], *, served: bool = False, in_image: bool = False) -> Source:
    """Where a run finds the flow. Raises `DeployFailed` for one that no other process could load.

    A served flow is found from where the serving process is, so its path is `.`; on a pool a step leads to the
    folder, except into an image, which begins where the code is.
    """
    source = flow.source or _here(flow, served)
    if served or source.pull_steps or source.path is None:
        return source
    if in_image and flow.source is None:
        return Source(source.entrypoint, path=".")
    return Source(source.entrypoint, pull_steps=[deployment_values.go_to(source.path)])


def _here(flow: Flow[..., Any], served: bool) -> Source:
    try:
        file = Path(inspect.getsourcefile(flow.fn) or "").resolve()
    except TypeError:
        file = Path()
    if not file.is_file() or "<" in flow.fn.__qualname__:
        raise DeployFailed(f"the flow {flow.name!r} stands at the top of no file, so no other process could load it.")
    folder = Path.cwd() if served or file.is_relative_to(Path.cwd()) else file.parent
    entrypoint = f"{Path(os.path.relpath(file, folder)).as_posix()}:{flow.fn.__qualname__}"
    return Source(entrypoint, path="." if served else str(folder))
