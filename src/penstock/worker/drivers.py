"""The driver for a pool's type."""

from __future__ import annotations

from typing import Any

from penstock import names, plugins
from penstock.core.pool_types import AGENT_TYPE
from penstock.errors import InfrastructureFailed
from penstock.infra.process import birth
from penstock.infra.process.birth import Kept
from penstock.infra.protocol import Infrastructure
from penstock.infra.templates import base_job_template
from penstock.settings import Settings

RUN_SIDE = "penstock.worker.warm"
"""What the parent of forked jobs has imported."""

EXTRAS = {
    "ecs": "aws",
    "azure-container-instance": "azure",
    "cloud-run": "gcp",
    "cloud-run-v2": "gcp",
    "vertex-ai": "gcp",
}
"""The extra that brings a kind's client, where it is not named like the kind."""


def fork_keeper(kind: str | None) -> Kept | None:
    """A keeper for the process driver, should it come to that: forked before there are threads, or not at all."""
    return birth.fork(RUN_SIDE) if kind in (None, "process") else None


def open_driver(
    kind: str, settings: Settings, keeper: Kept | None = None, *, within_server: bool = False
) -> Infrastructure:
    """The driver of this kind; `InfrastructureFailed` names those there are when it is not installed.

    A keeper that this kind has no use for is dismissed. A driver that has to be more careful `within_server`, where
    who may edit a pool or a block must not get at the machine, makes itself so by its class method `for_server`.
    """
    if kind == "process":
        from penstock.infra.process.driver import ProcessInfrastructure

        return ProcessInfrastructure(settings.home.expanduser(), preload=RUN_SIDE, keeper=keeper)
    if keeper:
        keeper.dismiss()
    if kind == AGENT_TYPE:
        raise InfrastructureFailed(
            "Runs of a work pool of type 'prefect-agent' are started by an agent, not by a worker:"
            " penstock agent start --pool NAME. Workers serve pools of other types, such as the one that this makes:"
            " penstock work-pool create NAME --type process"
        )
    try:
        found = plugins.load(plugins.INFRASTRUCTURES, kind)
    except ModuleNotFoundError as error:
        raise InfrastructureFailed(_not_installed(kind, error)) from error
    if found is None:
        known = sorted({"process", *plugins.names(plugins.INFRASTRUCTURES)})
        nearest = names.nearest(kind, known)
        hint = f" Did you mean {nearest!r}?" if nearest else f" There are: {', '.join(known)}."
        raise InfrastructureFailed(f"No infrastructure of type {kind!r} is installed.{hint}")
    driver: Infrastructure = found.for_server() if within_server and hasattr(found, "for_server") else found()
    return driver


def template_of(kind: str) -> dict[str, Any] | None:
    """The base job template of a kind that is installed here; None where it is not. `InfrastructureFailed` says why."""
    try:
        found = plugins.load(plugins.INFRASTRUCTURES, kind)
    except ImportError as error:
        raise InfrastructureFailed(f"The plug-in for the type {kind!r} can't be loaded: {error}.") from error
    return base_job_template(found.Variables) if found else None


def _not_installed(kind: str, error: ModuleNotFoundError) -> str:
    extra = EXTRAS.get(kind, kind)
    return f"Jobs of type {kind!r} need the package {error.name!r}. Install it with: pip install 'penstock[{extra}]'"
