"""From a claimed run to a job that a driver can start: configuration, environment, labels, name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Protocol

import msgspec
from msgspec.structs import replace

from penstock import __version__
from penstock.client.client import AsyncClient
from penstock.core import push_credentials
from penstock.errors import InfrastructureFailed
from penstock.infra.protocol import Job
from penstock.settings import Settings, to_environment
from penstock.settings.server import Server
from penstock.wire.work_pools import WorkPool
from penstock.worker.configuration import resolve
from penstock.worker.facts import RunFacts, Taken
from penstock.worker.hosted import GRACE_SECONDS

ATTEMPT = "PENSTOCK__ATTEMPT"
LEASE = "PENSTOCK__LEASE_SECONDS"
ENTRY = "penstock.worker.job:main"
DEFAULT_COMMAND = [
    "sh",
    "-c",
    "command -v penstock >/dev/null && exec penstock flow-run execute; "
    "command -v prefect >/dev/null && exec prefect flow-run execute; "
    "echo 'Neither penstock nor prefect is on the PATH here: install one, or set the job variable command.' >&2; "
    "exit 127",
]
"""What a job that is made elsewhere runs unless its configuration says: whichever program its image has.

The shell is replaced by the program, which so gets the signals. An image without a shell is given a `command`.
"""


class Launcher(Protocol):
    """Makes the jobs of taken runs."""

    announces: bool
    """Whether the server is to be told that a job is being started, and by whom."""

    async def prepare(self, taken: Taken) -> Job:
        """The job of a run. `TemplateInvalid` and others say what in the pool or deployment is wrong."""
        ...


class PoolLauncher:
    """Prepares the jobs of a pool's worker."""

    def __init__(
        self,
        client: AsyncClient,
        settings: Settings,
        kind: str,
        worker: str,
        *,
        announces: bool,
        surroundings: Mapping[str, str] = os.environ,
    ) -> None:
        """`surroundings` are the variables that a template may name with `{{ $NAME }}`."""
        self._client = client
        self._settings = settings
        self._kind = kind
        self._worker = worker
        self._surroundings = surroundings
        self.announces = announces

    async def prepare(self, taken: Taken) -> Job:
        assert taken.pool is not None
        facts, pool = taken.facts, taken.pool
        wanted = await resolve(self._client, facts, pool, self._surroundings)
        here = self._kind == "process"
        told = self._settings if here else elsewhere(self._settings)
        _check_credentials(pool.type, wanted)
        env = {**environment(told, facts, self._worker), **text(wanted.get("env") or {})}
        configuration = {
            **wanted,
            "env": env,
            "labels": labels(facts, pool, self._worker) | text(wanted.get("labels") or {}),
            "name": wanted.get("name") or facts.flow_run.name,
        }
        return Job(
            identity=identity(facts),
            configuration=configuration,
            env={**os.environ, **env} if here else env,
            command=None if here else DEFAULT_COMMAND,
            entry=ENTRY if here else None,
            payload=msgspec.json.encode(facts),
            note=note(facts, pool.name, self._worker, show=bool(wanted.get("stream_output", True)), grace=taken.grace),
        )


def _check_credentials(pool_type: str, configuration: Mapping[str, Any]) -> None:
    """A push pool's job brings its own: what a client library finds where the server runs is the server's."""
    asked = push_credentials.needed(pool_type)
    if asked is None:
        return
    data = configuration.get(asked.variable)
    if fault := push_credentials.lacking(asked, pool_type, data if isinstance(data, Mapping) else None):
        raise InfrastructureFailed(fault)


def identity(facts: RunFacts) -> str:
    """The same for the same attempt at the same run, wherever it is started."""
    attempt = facts.flow_run.run_count + 1 if facts.attempt is None else facts.attempt
    return f"{facts.flow_run.id}-{attempt}"


def note(facts: RunFacts, scope: str, worker: str, *, show: bool, grace: float = GRACE_SECONDS) -> dict[str, Any]:
    """What the next host needs to know of a job it finds."""
    run_id = str(facts.flow_run.id)
    return {
        "scope": scope,
        "run_id": run_id,
        "attempt": facts.attempt,
        "worker": worker,
        "show": show,
        "grace": grace,
    }


def text(values: Mapping[str, Any]) -> dict[str, str]:
    """Values of an environment or of labels as text; null removes."""
    return {name: str(value) for name, value in values.items() if value is not None}


def elsewhere(settings: Settings) -> Settings:
    """The settings without what makes sense on this machine only: its folders, and a server's own affairs."""
    home, results = Settings().home.expanduser(), settings.results
    if results.local_storage_path == settings.home / "storage":
        results = replace(results, local_storage_path=None)
    return replace(settings, home=home, profiles_path=None, results=results, server=Server())


def environment(settings: Settings, facts: RunFacts, worker: str) -> dict[str, str]:
    """The settings, and which run it is."""
    return {**to_environment(settings), **names_of(facts, worker)}


def names_of(run: RunFacts, worker: str) -> dict[str, str]:
    """The variables that tell a job which run it is.

    Not the entrypoint: the engine of Prefect 2 takes it for a word that the code is there, and does not fetch it.
    """
    found = {
        "PREFECT__FLOW_RUN_ID": str(run.flow_run.id),
        "PREFECT__WORKER_NAME": worker,
        "PREFECT__FLOW_ID": str(run.flow.id),
        "PREFECT__FLOW_NAME": run.flow.name,
    }
    if run.attempt is not None:
        found[ATTEMPT] = str(run.attempt)
        found[LEASE] = str(run.lease_seconds)
    if run.deployment:
        found["PREFECT__DEPLOYMENT_ID"] = str(run.deployment.id)
        found["PREFECT__DEPLOYMENT_NAME"] = run.deployment.name
    return found


def labels(run: RunFacts, pool: WorkPool, worker: str) -> dict[str, str]:
    """The labels every job carries; names are Prefect's, so that what selects by them goes on working."""
    found = {
        "flow-run-id": str(run.flow_run.id),
        "flow-run-name": run.flow_run.name,
        "version": __version__,
        "work-pool-name": pool.name,
        "work-pool-id": str(pool.id),
        "worker-name": worker,
        "flow-id": str(run.flow.id),
        "flow-name": run.flow.name,
    }
    if run.deployment:
        found["deployment-id"] = str(run.deployment.id)
        found["deployment-name"] = run.deployment.name
        if run.deployment.updated:
            found["deployment-updated"] = run.deployment.updated.astimezone(UTC).isoformat()
    return {f"prefect.io/{name}": value for name, value in found.items()}
