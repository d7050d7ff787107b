"""Google Vertex AI: each job of a run is a custom job.

Vertex AI gives its jobs numbers for names and refuses none, so a start looks first whether a job carries the label
of the same run and attempt. Output goes to Cloud Logging, from where this driver does not read it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Annotated, Any, ClassVar

import msgspec
from msgspec import Meta

from penstock.errors import InfrastructureFailed
from penstock.ids import new_id
from penstock.infra import cloud_names, google
from penstock.infra.google import Data, Google, service
from penstock.infra.polling import Absent, AlreadyThere, Pace, PolledInfrastructure, RemoteJob, no_output
from penstock.infra.protocol import Exit, Job
from penstock.infra.templates import fill

JOB_LABEL, MARK_LABEL = "penstock_job", "penstock_start"
TERMINATED = -15
LONGEST_DISPLAY_NAME = 128
NON_ZERO = re.compile(r"non-zero status of (\d+)")
RENAMED = {"service_account_name": "service_account"}
"""Where the template's word is not the API's."""


class VertexAiVariables(msgspec.Struct, frozen=True, kw_only=True):
    """A pool of type `vertex-ai`; names, defaults and what is required are Prefect's."""

    region: Annotated[str, Meta(title="Region")]
    image: Annotated[str, Meta(title="Image Name")]
    name: Annotated[str | None, Meta(title="Name")] = None
    env: Annotated[dict[str, str] | None, Meta(title="Environment Variables")] = None
    labels: Annotated[dict[str, str] | None, Meta(title="Labels")] = None
    command: Annotated[str | None, Meta(title="Command")] = None
    credentials: Annotated[dict[str, Any] | None, Meta(title="GCP Credentials")] = None
    machine_type: Annotated[str, Meta(title="Machine Type")] = "n1-standard-4"
    accelerator_type: Annotated[str | None, Meta(title="Accelerator Type")] = None
    accelerator_count: Annotated[int | None, Meta(title="Accelerator Count")] = None
    boot_disk_type: Annotated[str, Meta(title="Boot Disk Type")] = "pd-ssd"
    boot_disk_size_gb: Annotated[int, Meta(title="Boot Disk Size (GB)")] = 100
    maximum_run_time_hours: Annotated[int, Meta(title="Maximum Run Time (Hours)")] = 1
    network: Annotated[str | None, Meta(title="Network")] = None
    reserved_ip_ranges: Annotated[list[str] | None, Meta(title="Reserved IP Ranges")] = None
    service_account_name: Annotated[str | None, Meta(title="Service Account Name")] = None
    job_watch_poll_interval: Annotated[float, Meta(title="Poll Interval (Seconds)")] = 5.0


class VertexAiConfiguration(msgspec.Struct, frozen=True, kw_only=True):
    """The job configuration that the template makes of them."""

    region: str
    job_spec: dict[str, Any]
    name: str | None = None
    labels: dict[str, str] | None = None
    command: str | None = None
    credentials: dict[str, Any] | None = None
    job_watch_poll_interval: float = 5.0


class VertexAi(PolledInfrastructure):
    """Starts, watches and stops custom jobs. `endpoint` is another address of the API, for tests."""

    kind: ClassVar[str] = "vertex-ai"
    Variables: ClassVar[type[msgspec.Struct]] = VertexAiVariables

    def __init__(self, endpoint: str | None = None, pace: Pace | None = None) -> None:
        super().__init__(pace)
        self._endpoint = endpoint

    async def attach(self, job: Job) -> RemoteJob:
        wanted = fill(VertexAiConfiguration, job.configuration)
        account = await google.sign_in(wanted.credentials)
        endpoint = self._endpoint or f"https://{wanted.region}-aiplatform.googleapis.com"
        name = cloud_names.resource_name(job.identity, 63)
        mark = new_id().hex
        body = {
            "displayName": (wanted.name or name)[:LONGEST_DISPLAY_NAME],
            "labels": {**cloud_names.labels(wanted.labels), JOB_LABEL: name, MARK_LABEL: mark},
            "jobSpec": job_spec(wanted.job_spec, cloud_names.words(wanted.command, job.command), job.env),
        }
        return CustomJob(account, endpoint, wanted, body)


class CustomJob:
    """One custom job; its own name is known once it was created or found."""

    def __init__(self, account: Google, endpoint: str, wanted: VertexAiConfiguration, body: Data) -> None:
        self.pid = ""
        self.poll_seconds = wanted.job_watch_poll_interval
        self._account = account
        self._body = body
        self._parent = f"projects/{account.project}/locations/{wanted.region}"
        self._jobs = service("aiplatform", "v1", endpoint).projects().locations().customJobs()

    async def create(self) -> None:
        if found := await self._labelled():
            if found["labels"].get(MARK_LABEL) != self._body["labels"][MARK_LABEL]:
                raise AlreadyThere(found["name"])
        else:
            found = await self._account.call(lambda: self._jobs.create(parent=self._parent, body=self._body))
        self.pid = found["name"]

    async def begin(self) -> None:
        """It begins by itself."""

    async def exists(self) -> bool:
        if found := await self._labelled():
            self.pid = found["name"]
        return found is not None

    async def look(self) -> Exit | None:
        return _ending(await self._account.call(lambda: self._jobs.get(name=self.pid)))

    async def cancel(self) -> None:
        await self._account.call(lambda: self._jobs.cancel(name=self.pid, body={}))

    async def remove(self) -> None:
        """A job that runs can't be deleted; to be cancelled is all there is."""
        await self.cancel()

    async def tidy(self) -> None:
        """Ended jobs stay: they are the history that Vertex AI shows."""

    def output(self, ended: asyncio.Future[Exit]) -> AsyncIterator[bytes]:
        """None: it is in Cloud Logging."""
        return no_output()

    async def _labelled(self) -> Data | None:
        wanted = f'labels.{JOB_LABEL}="{self._body["labels"][JOB_LABEL]}"'
        try:
            found = await self._account.call(lambda: self._jobs.list(parent=self._parent, filter=wanted, pageSize=1))
        except Absent:
            return None
        return next(iter(found.get("customJobs", [])), None)


def job_spec(given: Data, command: list[str] | None, env: Any) -> Data:
    """The template's `job_spec`, whose names are Python's, as the API takes it."""
    spec = dict(_camel({RENAMED.get(name, name): value for name, value in given.items()}))
    if hours := spec.pop("maximumRunTimeHours", None):
        spec["scheduling"] = {**spec.get("scheduling", {}), "timeout": f"{int(hours) * 3600}s"}
    try:
        pool = spec["workerPoolSpecs"][0]
        container = pool["containerSpec"]
    except (KeyError, IndexError, TypeError):
        raise InfrastructureFailed("`job_spec` of the pool's template has no worker pool with a container.") from None
    container["command"] = command
    container["env"] = [*container.get("env", []), *({"name": name, "value": value} for name, value in env.items())]
    return spec


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {re.sub(r"_([a-z])", lambda m: m[1].upper(), name): _camel(one) for name, one in value.items()}
    return [_camel(one) for one in value] if isinstance(value, list) else value


def _ending(job: Data) -> Exit | None:
    words = (job.get("error") or {}).get("message", "")
    match job.get("state"):
        case "JOB_STATE_SUCCEEDED":
            return Exit(0)
        case "JOB_STATE_CANCELLED":
            return Exit(TERMINATED, reason=words or "The job was cancelled in Vertex AI.")
        case "JOB_STATE_EXPIRED":
            return Exit(TERMINATED, reason=words or "The job ran into its time limit in Vertex AI.")
        case "JOB_STATE_FAILED" | "JOB_STATE_PARTIALLY_SUCCEEDED" as state:
            code = NON_ZERO.search(words)
            return Exit(int(code[1]) if code else None, reason=words or f"Vertex AI says {state}.")
    return None
