"""The driver of the types `cloud-run-v2` and `cloud-run`.

A job of Cloud Run is named after the run and the attempt, so that Cloud Run refuses a second one, and is executed
once. Its output goes to Cloud Logging, from where this driver does not read it: how it ended says where to look.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, ClassVar

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.ids import new_id
from penstock.infra import cloud_names, google
from penstock.infra.cloud_run.v1 import V1
from penstock.infra.cloud_run.v2 import V2
from penstock.infra.cloud_run.variables import CloudRunConfiguration, CloudRunV1Variables, CloudRunVariables
from penstock.infra.cloud_run.views import AttemptView, Dialect, ExecutionView, JobView
from penstock.infra.google import Google
from penstock.infra.polling import Absent, AlreadyThere, Pace, Passing, PolledInfrastructure, RemoteJob, no_output
from penstock.infra.protocol import Exit, Job
from penstock.infra.templates import fill

LONGEST_NAME = 49
"""An execution's name is the job's with a suffix, and may have 63 letters."""
POLL_SECONDS = 5.0
READY_SECONDS = 120.0
V1_API = "run.googleapis.com/v1"
TERMINATED, KILLED, NEVER_BEGAN = -15, 137, 125
NO_LOSS = {"memory limit": KILLED, "timeout": TERMINATED, "failed to start": NEVER_BEGAN, "image": NEVER_BEGAN}
"""Words of Cloud Run for ends without an exit code that another start would not change."""


class CloudRun(PolledInfrastructure):
    """Starts, watches and stops jobs of Cloud Run. `endpoint` is another address of the API, for tests."""

    kind: ClassVar[str] = "cloud-run-v2"
    Variables: ClassVar[type[msgspec.Struct]] = CloudRunVariables

    def __init__(self, endpoint: str | None = None, pace: Pace | None = None) -> None:
        super().__init__(pace)
        self._endpoint = endpoint

    async def attach(self, job: Job) -> RemoteJob:
        wanted = fill(CloudRunConfiguration, job.configuration)
        account = await google.sign_in(wanted.credentials)
        old = wanted.job_body.get("apiVersion") == V1_API
        name = cloud_names.resource_name(job.identity, LONGEST_NAME)
        api: Dialect = (V1 if old else V2)(account.project, wanted.region, name, self._endpoint)
        mark = new_id().hex
        env = [{"name": key, "value": value} for key, value in job.env.items()]
        command = cloud_names.words(wanted.command, job.command)
        labels = cloud_names.labels(wanted.labels)
        try:
            body = api.body(wanted.job_body, env, command, labels, mark)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise InfrastructureFailed(f"`job_body` of the pool's template is not a job's: {error!r}") from error
        return CloudRunJob(account, api, body, mark, keep=wanted.keep_job, pace=self.pace)


class CloudRunV1(CloudRun):
    """The same for pools of the older type. The job's body says which version of the API it is for."""

    kind: ClassVar[str] = "cloud-run"
    Variables: ClassVar[type[msgspec.Struct]] = CloudRunV1Variables


class CloudRunJob:
    """One job of Cloud Run and its one execution."""

    def __init__(
        self, account: Google, api: Dialect, body: Mapping[str, Any], mark: str, *, keep: bool, pace: Pace
    ) -> None:
        self.pid = api.name
        self.poll_seconds = min(POLL_SECONDS, pace.longest)
        self._account = account
        self._api = api
        self._body = dict(body)
        self._mark = mark
        self._keep = keep
        self._pace = pace
        self._execution: str | None = None

    async def create(self) -> None:
        try:
            await self._account.call(lambda: self._api.create(self._body))
        except AlreadyThere:
            if (await self._job()).mark != self._mark:
                raise

    async def begin(self) -> None:
        """Runs the job unless it has been: also what an earlier host created and did not come to run."""
        job = await self._when_ready()
        if job.execution is None:
            await self._account.call(self._api.run)

    async def exists(self) -> bool:
        try:
            await self._job()
        except Absent:
            return False
        return True

    async def look(self) -> Exit | None:
        name = await self._execution_name()
        if name is None:
            return None
        execution = self._api.execution_view(await self._account.call(lambda: self._api.execution(name)))
        if not execution.done:
            return None
        if execution.succeeded:
            return Exit(0)
        tasks = await self._account.call(lambda: self._api.tasks(name))
        return _ending(execution, self._api.attempt_view(tasks))

    async def cancel(self) -> None:
        name = await self._execution_name()
        if name is None:
            raise Passing("the execution has not begun yet")
        await self._account.call(lambda: self._api.cancel(name))

    async def remove(self) -> None:
        await self._account.call(self._api.delete)

    async def tidy(self) -> None:
        if not self._keep:
            await self.remove()

    def output(self, ended: asyncio.Future[Exit]) -> AsyncIterator[bytes]:
        """None: it is in Cloud Logging."""
        return no_output()

    async def _job(self) -> JobView:
        return self._api.job_view(await self._account.call(self._api.read))

    async def _when_ready(self) -> JobView:
        waits = self._pace.waits(self.poll_seconds)
        deadline = asyncio.get_running_loop().time() + READY_SECONDS
        while True:
            job = await self._job()
            if job.execution or job.ready:
                return job
            if job.ready is False:
                raise InfrastructureFailed(f"Cloud Run can't prepare the job: {job.message}")
            if asyncio.get_running_loop().time() > deadline:
                raise InfrastructureFailed(
                    f"Cloud Run has not prepared the job in {READY_SECONDS:.0f} s: {job.message}"
                )
            await asyncio.sleep(next(waits))

    async def _execution_name(self) -> str | None:
        if self._execution is None:
            self._execution = (await self._job()).execution
        return self._execution


def _ending(execution: ExecutionView, attempt: AttemptView | None) -> Exit:
    """The container's exit code where it has one; else a signal, or what Cloud Run says of the execution."""
    if execution.cancelled:
        return Exit(TERMINATED, reason="The execution was cancelled in Cloud Run.")
    words = attempt.message if attempt and attempt.message else execution.message
    where = f" Its logs: {execution.log_uri}" if execution.log_uri else ""
    return Exit(_code(attempt, words), reason=f"{words}{where}")


def _code(attempt: AttemptView | None, words: str) -> int | None:
    if attempt and attempt.exit_code:
        return attempt.exit_code
    if attempt and attempt.signal:
        return -attempt.signal
    return next((code for said, code in NO_LOSS.items() if said in words.lower()), None)
