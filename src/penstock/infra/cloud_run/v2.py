"""Cloud Run's API, version 2."""

from __future__ import annotations

import copy
from typing import Any

from penstock.infra.cloud_run.views import MARK, AttemptView, ExecutionView, JobView, attempt, present
from penstock.infra.google import Data, service

ENDPOINT = "https://run.googleapis.com"
STATES = {"CONDITION_SUCCEEDED": True, "CONDITION_FAILED": False}


class V2:
    """One job, by `projects/P/locations/R/jobs/NAME`."""

    def __init__(self, project: str, region: str, name: str, endpoint: str | None) -> None:
        self.name = name
        self._parent = f"projects/{project}/locations/{region}"
        self._path = f"{self._parent}/jobs/{name}"
        self._jobs = service("run", "v2", endpoint or ENDPOINT).projects().locations().jobs()

    def body(self, given: Data, env: list[Data], command: list[str] | None, labels: dict[str, str], mark: str) -> Data:
        job = copy.deepcopy(given)
        task = job.setdefault("template", {}).setdefault("template", {})
        if isinstance(task.get("timeout"), int):
            task["timeout"] = f"{task['timeout']}s"
        task.setdefault("maxRetries", 0)
        container = task.setdefault("containers", [{}])[0]
        container["env"] = [*(container.get("env") or []), *env]
        container["command"] = command
        job["labels"] = {**labels, **(job.get("labels") or {})}
        job["annotations"] = {**(job.get("annotations") or {}), MARK: mark}
        return dict(present(job))

    def create(self, body: Data) -> Any:
        return self._jobs.create(parent=self._parent, jobId=self.name, body=body)

    def read(self) -> Any:
        return self._jobs.get(name=self._path)

    def run(self) -> Any:
        return self._jobs.run(name=self._path, body={})

    def delete(self) -> Any:
        return self._jobs.delete(name=self._path)

    def execution(self, name: str) -> Any:
        return self._jobs.executions().get(name=f"{self._path}/executions/{name}")

    def cancel(self, name: str) -> Any:
        return self._jobs.executions().cancel(name=f"{self._path}/executions/{name}", body={})

    def tasks(self, name: str) -> Any:
        return self._jobs.executions().tasks().list(parent=f"{self._path}/executions/{name}", pageSize=1)

    def job_view(self, job: Data) -> JobView:
        condition = job.get("terminalCondition") or {}
        execution = (job.get("latestCreatedExecution") or {}).get("name")
        return JobView(
            ready=None if job.get("reconciling") else STATES.get(condition.get("state", "")),
            message=condition.get("message", ""),
            mark=(job.get("annotations") or {}).get(MARK, ""),
            execution=execution.rpartition("/")[2] if execution else None,
        )

    def execution_view(self, execution: Data) -> ExecutionView:
        conditions: list[Data] = execution.get("conditions", [])
        completed: Data = next((one for one in conditions if one.get("type") == "Completed"), {})
        state = STATES.get(completed.get("state", ""))
        return ExecutionView(
            done=state is not None,
            succeeded=bool(state),
            cancelled=completed.get("executionReason") == "CANCELLED",
            message=completed.get("message", ""),
            log_uri=execution.get("logUri", ""),
        )

    def attempt_view(self, tasks: Data) -> AttemptView | None:
        return next((attempt(task) for task in tasks.get("tasks", [])), None)
