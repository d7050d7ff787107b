"""Cloud Run's API, version 1, which is shaped like Knative's."""

from __future__ import annotations

import copy
from typing import Any

from penstock.infra.cloud_run.views import MARK, AttemptView, ExecutionView, JobView, attempt, present
from penstock.infra.google import Data, service

STATES = {"True": True, "False": False}


class V1:
    """One job, by `namespaces/PROJECT/jobs/NAME` at the region's own address."""

    def __init__(self, project: str, region: str, name: str, endpoint: str | None) -> None:
        self.name = name
        self._namespace = f"namespaces/{project}"
        self._path = f"{self._namespace}/jobs/{name}"
        self._api = service("run", "v1", endpoint or f"https://{region}-run.googleapis.com").namespaces()

    def body(self, given: Data, env: list[Data], command: list[str] | None, labels: dict[str, str], mark: str) -> Data:
        job = copy.deepcopy(given)
        meta = job.setdefault("metadata", {})
        meta |= {"name": self.name, "namespace": self._namespace.partition("/")[2]}
        meta["labels"] = {**labels, **(meta.get("labels") or {})}
        meta["annotations"] = {**(meta.get("annotations") or {}), MARK: mark}
        task = job["spec"]["template"]["spec"]["template"]["spec"]
        if "timeoutSeconds" in task:
            task["timeoutSeconds"] = str(task["timeoutSeconds"])
        task.setdefault("maxRetries", 0)  # else Cloud Run itself would run a failed job three more times
        container = task["containers"][0]
        container["env"] = [*(container.get("env") or []), *env]
        container["command"] = command
        return dict(present(job))

    def create(self, body: Data) -> Any:
        return self._api.jobs().create(parent=self._namespace, body=body)

    def read(self) -> Any:
        return self._api.jobs().get(name=self._path)

    def run(self) -> Any:
        return self._api.jobs().run(name=self._path, body={})

    def delete(self) -> Any:
        return self._api.jobs().delete(name=self._path)

    def execution(self, name: str) -> Any:
        return self._api.executions().get(name=f"{self._namespace}/executions/{name}")

    def cancel(self, name: str) -> Any:
        return self._api.executions().cancel(name=f"{self._namespace}/executions/{name}", body={})

    def tasks(self, name: str) -> Any:
        selector = f"run.googleapis.com/execution={name}"
        return self._api.tasks().list(parent=self._namespace, labelSelector=selector, limit=1)

    def job_view(self, job: Data) -> JobView:
        status = job.get("status") or {}
        ready = _condition(status, "Ready")
        return JobView(
            ready=STATES.get(ready.get("status", "")),
            message=ready.get("message", ""),
            mark=(job.get("metadata", {}).get("annotations") or {}).get(MARK, ""),
            execution=(status.get("latestCreatedExecution") or {}).get("name"),
        )

    def execution_view(self, execution: Data) -> ExecutionView:
        status = execution.get("status") or {}
        completed = _condition(status, "Completed")
        state = STATES.get(completed.get("status", ""))
        return ExecutionView(
            done=state is not None,
            succeeded=bool(state),
            cancelled=completed.get("reason") == "Cancelled" or bool(status.get("cancelledCount")),
            message=completed.get("message", ""),
            log_uri=status.get("logUri", ""),
        )

    def attempt_view(self, tasks: Data) -> AttemptView | None:
        return next((attempt(task.get("status") or {}) for task in tasks.get("items", [])), None)


def _condition(status: Data, kind: str) -> Data:
    return next((one for one in status.get("conditions", []) if one.get("type") == kind), {})
