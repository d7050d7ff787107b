"""What the driver needs to know of Cloud Run's resources, whichever version of the API told it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from penstock.infra.google import Data


@dataclass(frozen=True, slots=True)
class JobView:
    """A job: whether it can be run (None: not yet known), why not, whose start made it, and its execution."""

    ready: bool | None
    message: str
    mark: str
    execution: str | None


@dataclass(frozen=True, slots=True)
class ExecutionView:
    """An execution: whether it has ended, and how."""

    done: bool
    succeeded: bool
    cancelled: bool
    message: str
    log_uri: str


@dataclass(frozen=True, slots=True)
class AttemptView:
    """How the container of a task ended."""

    exit_code: int | None
    signal: int | None
    message: str


class Dialect(Protocol):
    """One version of the API: what to send, where, and how to read the answers."""

    name: str
    """The job's short name."""

    def body(self, given: Data, env: list[Data], command: list[str] | None, labels: dict[str, str], mark: str) -> Data:
        """The job to create."""
        ...

    def create(self, body: Data) -> Any:
        """Request: make the job."""
        ...

    def read(self) -> Any:
        """Request: the job."""
        ...

    def run(self) -> Any:
        """Request: begin an execution."""
        ...

    def delete(self) -> Any:
        """Request: delete the job and its executions."""
        ...

    def execution(self, name: str) -> Any:
        """Request: one execution."""
        ...

    def cancel(self, name: str) -> Any:
        """Request: end an execution."""
        ...

    def tasks(self, name: str) -> Any:
        """Request: the tasks of an execution."""
        ...

    def job_view(self, job: Data) -> JobView:
        """A job that was read."""
        ...

    def execution_view(self, execution: Data) -> ExecutionView:
        """An execution that was read."""
        ...

    def attempt_view(self, tasks: Data) -> AttemptView | None:
        """The last attempt of the first task."""
        ...


MARK = "penstock-start"
"""Annotation: which start made the job, so that a start whose answer was lost knows its own job again."""


def attempt(task: Data) -> AttemptView | None:
    """The result of a task's last attempt; both versions of the API write it alike."""
    result = task.get("lastAttemptResult")
    if not result:
        return None
    words = (result.get("status") or {}).get("message", "")
    return AttemptView(result.get("exitCode"), result.get("termSignal"), words)


def present(value: Any) -> Any:
    """The same without what placeholders left empty: nulls, and objects with nothing in them."""
    if isinstance(value, dict):
        kept = {name: present(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one is not None and one != {}}
    if isinstance(value, list):
        return [present(one) for one in value]
    return value
