"""How a task run's states reach the server: as `prefect.task-run.<State>` events, in order.

The server's recorder makes the task run from them. Each event is told what the one before it was
(`follows`), its id is the state's id, and wording it is left to the thread that sends it.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from penstock.sdk.states import TERMINAL, State

if TYPE_CHECKING:
    from penstock.sdk.context import FlowContext
    from penstock.sdk.session import Session
    from penstock.sdk.task import Task


class _Told:
    """A state without its value, which may be large and need not stay until the server has answered."""

    __slots__ = ("details", "id", "message", "name", "reference", "timestamp", "type")

    def __init__(self, state: State) -> None:
        self.id = state.id
        self.type = state.type
        self.name = state.name
        self.message = state.message
        self.details = state.details
        self.timestamp = state.timestamp
        self.reference = state.reference


class TaskReport:
    """The history of one task run, as far as it was told."""

    __slots__ = (
        "_context",
        "_expected",
        "_last",
        "_put",
        "_started",
        "_static",
        "_total",
        "id",
        "name",
        "run_count",
    )  # fmt: skip

    def __init__(
        self,
        session: Session,
        context: FlowContext | None,
        task: Task[..., Any],
        id: UUID,
        name: str,
        tags: list[str],
        inputs: dict[str, Any],
    ) -> None:
        self._put = session.events.put
        self._context = context
        self._static = (task, tags, inputs, context.run_count if context else 0)
        self._last: _Told | None = None
        self._expected: datetime | None = None
        self._started: datetime | None = None
        self._total = 0.0
        self.id = id
        self.name = name
        self.run_count = 0

    def tell(self, state: State) -> None:
        """Reports that the run is now in this state."""
        last = self._last
        ended: datetime | None = None
        if last is None:
            self._expected = state.timestamp
        elif last.type == "RUNNING":
            self._total += (state.timestamp - last.timestamp).total_seconds()
        if state.type == "RUNNING":
            self.run_count += 1
            self._started = self._started or state.timestamp
        if state.type in TERMINAL:
            ended = state.timestamp
        facts = (self.run_count, self._started, ended, self._total)
        told = self._last = _Told(state)
        self._put(lambda: self._word(told, last, facts))

    def _word(
        self, state: _Told, last: _Told | None, facts: tuple[int, datetime | None, datetime | None, float]
    ) -> dict[str, Any]:
        return {
            "id": state.id,
            "occurred": state.timestamp,
            "event": f"prefect.task-run.{state.name}",
            "resource": self._resource(state, facts[0]),
            "related": self._related(),
            "payload": {
                "intended": {"from": last.type if last else None, "to": state.type},
                "initial_state": _brief(last) if last else None,
                "validated_state": _brief(state) | {"data": state.reference and state.reference.as_json()},
                "task_run": self._task_run(facts),
            },
            "follows": last.id if last else None,
        }

    def _resource(self, state: _Told, run_count: int) -> dict[str, str]:
        return {
            "prefect.resource.id": f"prefect.task-run.{self.id}",
            "prefect.resource.name": self.name,
            "prefect.run-count": str(run_count),
            "prefect.state-message": state.message or "",
            "prefect.state-name": state.name,
            "prefect.state-timestamp": state.timestamp.isoformat(),
            "prefect.state-type": state.type,
            "prefect.orchestration": "client",
        }

    def _related(self) -> list[dict[str, str]]:
        tags = [
            {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"} for tag in self._static[1]
        ]
        return tags + (self._context.related if self._context else [])

    def _task_run(self, facts: tuple[int, datetime | None, datetime | None, float]) -> dict[str, Any]:
        task, tags, inputs, flow_run_count = self._static
        run_count, started, ended, total = facts
        found = {
            "name": self.name,
            "task_key": task.task_key,
            "dynamic_key": str(self.id),
            "task_version": task.version,
            "empirical_policy": task.policy(),
            "tags": tags,
            "labels": {},
            "task_inputs": inputs,
            "run_count": run_count,
            "flow_run_run_count": flow_run_count if run_count else 0,
            "expected_start_time": self._expected,
            "start_time": started,
            "end_time": ended,
            "total_run_time": total,
        }
        return {name: value for name, value in found.items() if value is not None}


def _brief(state: _Told) -> dict[str, Any]:
    details = state.details
    if state.type in TERMINAL and state.reference is None:
        details = {**details, "untrackable_result": True}
    return {"type": state.type, "name": state.name, "message": state.message or "", "state_details": details}
