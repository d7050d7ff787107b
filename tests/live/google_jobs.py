"""Cloud Run (both versions of its API) and Vertex AI, as far as jobs go, behind `GoogleDouble`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from tests.live.cloud_http import Asked, Data, Refused
from tests.live.google import PROJECT, GoogleDouble

SIGTERM = 15


@dataclass
class Execution:
    """One container: what it is to do by its image, and how far it has come."""

    image: str
    looks: int = 0
    cancelled: bool = False

    def look(self) -> bool:
        """Whether it has ended; the first look always finds it running."""
        self.looks += 1
        return self.cancelled or (self.looks > 1 and self.image != "stays")

    @property
    def code(self) -> int | None:
        """The exit code; None where there is none."""
        match = re.fullmatch(r"exit-(\d+)", self.image)
        return int(match[1]) if match else None

    @property
    def message(self) -> str:
        """Why it failed, in the words of the cloud."""
        if self.image == "oom":
            return "The container exited due to memory limit of 512 MiB exceeded."
        if self.image == "slow":
            return "The configured timeout was reached."
        return f"The container exited with an error (exit code {self.code})."


@dataclass
class CloudRunDouble:
    """The jobs of a project; `make` is the server side of both versions."""

    jobs: dict[str, Data] = field(default_factory=dict)
    executions: dict[str, Execution] = field(default_factory=dict)
    """By the name of the job: one each."""
    looks: dict[str, int] = field(default_factory=dict)

    def make(self) -> GoogleDouble:
        v2, v1 = "run.projects.locations.jobs", "run.namespaces"
        return GoogleDouble(
            ["run.v2", "run.v1"],
            {
                f"{v2}.create": self._create_v2,
                f"{v2}.get": self._get_v2,
                f"{v2}.run": self._run,
                f"{v2}.delete": self._delete,
                f"{v2}.executions.get": self._execution_v2,
                f"{v2}.executions.cancel": self._cancel,
                f"{v2}.executions.tasks.list": self._tasks_v2,
                f"{v1}.jobs.create": self._create_v1,
                f"{v1}.jobs.get": self._get_v1,
                f"{v1}.jobs.run": self._run,
                f"{v1}.jobs.delete": self._delete,
                f"{v1}.executions.get": self._execution_v1,
                f"{v1}.executions.cancel": self._cancel,
                f"{v1}.tasks.list": self._tasks_v1,
            },
        )

    def container(self, name: str) -> Data:
        """The container of a job, whichever version made it."""
        job = self.jobs[name]
        if "spec" in job:
            return dict(job["spec"]["template"]["spec"]["template"]["spec"]["containers"][0])
        return dict(job["template"]["template"]["containers"][0])

    def _create_v2(self, asked: Asked, project: str, location: str) -> Data:
        return self._create(asked.query["jobId"], project, asked.body)

    def _create_v1(self, asked: Asked, namespace: str) -> Data:
        assert asked.body["metadata"]["namespace"] == namespace
        return self._create(asked.body["metadata"]["name"], namespace, asked.body)

    def _create(self, name: str, project: str, body: Data) -> Data:
        assert project == PROJECT
        if not re.fullmatch(r"[a-z]([-a-z0-9]{0,47}[a-z0-9])?", name):
            raise Refused(400, f"{name!r} is no name of a job")
        if name in self.jobs:
            raise Refused(409, f"Resource '{name}' already exists.")
        self.jobs[name] = body
        return {"name": f"operations/{name}"} if "template" in body else body

    def _known(self, name: str) -> Data:
        if name not in self.jobs:
            raise Refused(404, f"Resource '{name}' of kind 'JOB' does not exist.")
        self.looks[name] = self.looks.get(name, 0) + 1
        return self.jobs[name]

    def _state(self, name: str) -> tuple[str, str]:
        """Prepared at the second look; an image that is not there is found out then."""
        if self.looks[name] < 2:
            return "pending", ""
        if self.container(name)["image"] == "missing":
            return "failed", "Image 'missing' not found."
        return "ready", ""

    def _get_v2(self, asked: Asked, project: str, location: str, job: str) -> Data:
        body = self._known(job)
        state, message = self._state(job)
        words = {"ready": "CONDITION_SUCCEEDED", "failed": "CONDITION_FAILED", "pending": "CONDITION_RECONCILING"}
        found = {
            **body,
            "name": asked.path.removeprefix("/v2/"),
            "reconciling": state == "pending",
            "terminalCondition": {"type": "Ready", "state": words[state], "message": message},
        }
        if job in self.executions:
            found["latestCreatedExecution"] = {"name": f"{found['name']}/executions/{job}-x1"}
        return found

    def _get_v1(self, asked: Asked, namespace: str, job: str) -> Data:
        body = self._known(job)
        state, message = self._state(job)
        words = {"ready": "True", "failed": "False", "pending": "Unknown"}
        status: Data = {"conditions": [{"type": "Ready", "status": words[state], "message": message}]}
        if job in self.executions:
            status["latestCreatedExecution"] = {"name": f"{job}-x1"}
        return {**body, "status": status}

    def _run(self, asked: Asked, job: str, **place: str) -> Data:
        self._known(job)
        assert job not in self.executions, "a job is executed once"
        self.executions[job] = Execution(self.container(job)["image"])
        return {}

    def _delete(self, asked: Asked, job: str, **place: str) -> Data:
        self._known(job)
        del self.jobs[job]
        self.executions.pop(job, None)
        return {}

    def _of(self, execution: str) -> Execution:
        job = execution.removesuffix("-x1")
        if job not in self.executions:
            raise Refused(404, f"Resource '{execution}' of kind 'EXECUTION' does not exist.")
        return self.executions[job]

    def _execution_v2(self, asked: Asked, execution: str, **place: str) -> Data:
        one = self._of(execution)
        condition: Data = {"type": "Completed", "state": "CONDITION_RECONCILING"}
        if one.look():
            done = not one.cancelled and one.code == 0
            condition["state"] = "CONDITION_SUCCEEDED" if done else "CONDITION_FAILED"
            condition["message"] = "" if done else "Task failed."
            condition |= {"executionReason": "CANCELLED"} if one.cancelled else {}
        return {"name": execution, "conditions": [condition], "logUri": "https://console.example/logs"}

    def _execution_v1(self, asked: Asked, execution: str, **place: str) -> Data:
        one = self._of(execution)
        condition: Data = {"type": "Completed", "status": "Unknown"}
        if one.look():
            condition["status"] = str(not one.cancelled and one.code == 0)
            condition["reason"] = "Cancelled" if one.cancelled else "NonZeroExitCode"
        return {"status": {"conditions": [condition], "logUri": "https://console.example/logs"}}

    def _cancel(self, asked: Asked, execution: str, **place: str) -> Data:
        self._of(execution).cancelled = True
        return {}

    def _tasks_v2(self, asked: Asked, execution: str, **place: str) -> Data:
        return {"tasks": [{"lastAttemptResult": _attempt(self._of(execution))}]}

    def _tasks_v1(self, asked: Asked, namespace: str) -> Data:
        name = asked.query["labelSelector"].removeprefix("run.googleapis.com/execution=")
        return {"items": [{"status": {"lastAttemptResult": _attempt(self._of(name))}}]}


def _attempt(one: Execution) -> Data:
    result: Data = {"status": {"code": 2, "message": one.message}}
    return result if one.code is None else {**result, "exitCode": one.code}


@dataclass
class VertexDouble:
    """The custom jobs of a project, by their numbers."""

    jobs: dict[str, Data] = field(default_factory=dict)
    running: dict[str, Execution] = field(default_factory=dict)

    def make(self) -> GoogleDouble:
        jobs = "aiplatform.projects.locations.customJobs"
        return GoogleDouble(
            ["aiplatform.v1"],
            {
                f"{jobs}.create": self._create,
                f"{jobs}.list": self._list,
                f"{jobs}.get": self._get,
                f"{jobs}.cancel": self._cancel,
            },
        )

    def _create(self, asked: Asked, project: str, location: str) -> Data:
        assert (project, location) == (PROJECT, "europe-west4")
        image = asked.body["jobSpec"]["workerPoolSpecs"][0]["containerSpec"]["imageUri"]
        if image == "missing":
            raise Refused(400, "Image missing is not found.")
        number = str(len(self.jobs) + 100)
        self.running[number] = Execution(image)
        name = f"projects/{project}/locations/{location}/customJobs/{number}"
        self.jobs[number] = {**asked.body, "name": name, "state": "JOB_STATE_PENDING"}
        return self.jobs[number]

    def _list(self, asked: Asked, project: str, location: str) -> Data:
        [(key, value)] = re.findall(r'labels\.(\w+)="([^"]+)"', asked.query["filter"])
        return {"customJobs": [job for job in self.jobs.values() if job["labels"].get(key) == value]}

    def _get(self, asked: Asked, customJob: str, **place: str) -> Data:
        return {**self._known(customJob), **self._state(self.running[customJob])}

    def _cancel(self, asked: Asked, customJob: str, **place: str) -> Data:
        self._known(customJob)
        self.running[customJob].cancelled = True
        return {}

    def _known(self, number: str) -> Data:
        if number not in self.jobs:
            raise Refused(404, f"The CustomJob {number} does not exist.")
        return self.jobs[number]

    def _state(self, one: Execution) -> Data:
        if not one.look():
            return {"state": "JOB_STATE_RUNNING"}
        if one.cancelled:
            return {"state": "JOB_STATE_CANCELLED", "error": {"code": 1, "message": "CANCELED"}}
        if one.code == 0:
            return {"state": "JOB_STATE_SUCCEEDED"}
        code = 137 if one.image == "oom" else one.code
        words = "ran out-of-memory and " if one.image == "oom" else ""
        message = f"The replica workerpool0-0 {words}exited with a non-zero status of {code}."
        return {"state": "JOB_STATE_FAILED", "error": {"code": 3, "message": message}}
