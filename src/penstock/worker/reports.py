"""What a worker tells the server about a run."""

from __future__ import annotations

import asyncio
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import utc_now
from penstock.errors import PenstockError, ServerFault, ServerUnreachable, Unavailable
from penstock.infra.protocol import Exit, explain
from penstock.wire import flow_runs
from penstock.wire.dispatch import ATTEMPT_HEADER
from penstock.wire.flow_runs import FlowRunUpdate, SetState
from penstock.wire.states import OrchestrationResult, OrchestrationStatus, StateCreate, StateDetails, StateType
from penstock.worker.facts import Taken

UNENDED = frozenset({StateType.PENDING, StateType.RUNNING})
CANCELLED = "The run was stopped as asked."
PASSING = (ServerUnreachable, ServerFault, Unavailable)
"""Errors that say nothing about what was asked: it may go better later."""

FINAL_TRIES = 10
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0


class Reports:
    """Proposes states, and records what runs where."""

    def __init__(self, client: AsyncClient) -> None:
        self._client = client
        self.labels: dict[str, str] = {}

    async def propose(
        self,
        run_id: UUID,
        kind: StateType,
        *,
        name: str | None = None,
        message: str | None = None,
        force: bool = False,
        attempt: int | None = None,
    ) -> OrchestrationResult:
        """The server's answer; waits and asks again for as long as it says WAIT."""
        details = StateDetails(scheduled_time=utc_now()) if kind is StateType.SCHEDULED else StateDetails()
        state = StateCreate(type=kind, name=name or kind.value.title(), message=message, state_details=details)
        headers = {ATTEMPT_HEADER: str(attempt)} if attempt is not None else None
        while True:
            body = SetState(state=state, force=force)
            answer = await self._client.call(flow_runs.set_flow_run_state, body, id=run_id, headers=headers)
            if answer.status is not OrchestrationStatus.WAIT:
                return answer
            await asyncio.sleep(answer.details.delay_seconds or 1)

    async def submitting(self, taken: Taken) -> None:
        """Shows that the infrastructure is being started; that it can't be shown stops nothing."""
        try:
            await self.propose(taken.run_id, StateType.PENDING, name="Submitting", attempt=taken.facts.attempt)
        except PenstockError:
            return

    async def started(self, taken: Taken, pid: str, *, label: bool) -> None:
        """Records the job's identifier, and whose job it is where the server can't know."""
        await self._client.call(flow_runs.update_flow_run, FlowRunUpdate(infrastructure_pid=pid), id=taken.run_id)
        if label and self.labels:
            await self._client.call(flow_runs.update_labels, dict(self.labels), id=taken.run_id)

    async def unstarted(self, taken: Taken, error: Exception) -> None:
        """The run crashed before its job began."""
        words = error.message if isinstance(error, PenstockError) else f"{type(error).__name__}: {error}"
        await self.finally_(
            taken.run_id, taken.facts.attempt, StateType.CRASHED, f"The run could not be started: {words}"
        )

    async def ended(self, run_id: UUID, attempt: int | None, end: Exit) -> StateType | None:
        """Says why a job ended if its run did not say itself; gives the state the run is in then, if that was asked."""
        if end.code == 0 and end.reported:
            return None
        if end.code == 0:
            run = await self._client.call(flow_runs.read_flow_run, id=run_id)
            if run.state_type not in UNENDED:
                return run.state_type
            message = "The process ended without reporting how the run went, for example through os._exit()."
        elif end.code is None:
            message = f"The run's process or container was lost. {explain(None)}"
        else:
            message = f"The run's process or container ended with exit code {end.code}. {explain(end.code)}"
        if end.output:
            message += f"\n\nThe last lines of its output:\n{end.output}"
        answer = await self.finally_(run_id, attempt, StateType.CRASHED, message)
        return answer.state.type if answer.state else None

    async def cancelled(self, run_id: UUID, attempt: int | None) -> None:
        """The run's job is gone, as was asked."""
        await self.finally_(run_id, attempt, StateType.CANCELLED, CANCELLED, force=True)

    async def rescheduled(self, run_id: UUID, attempt: int | None) -> None:
        """A run that never began is due again, if it is still waiting for its start."""
        run = await self._client.call(flow_runs.read_flow_run, id=run_id)
        if run.state_type is StateType.PENDING:
            await self.due_again(run_id, attempt, "The worker ended before it could start this run.")

    async def due_again(self, run_id: UUID, attempt: int | None, message: str) -> None:
        """Makes the run due now, for whoever claims it next."""
        await self.finally_(run_id, attempt, StateType.SCHEDULED, message, name="AwaitingRetry")

    async def finally_(
        self,
        run_id: UUID,
        attempt: int | None,
        kind: StateType,
        message: str,
        *,
        name: str | None = None,
        force: bool = False,
    ) -> OrchestrationResult:
        """A last word, which is tried for minutes while the server can't be reached."""
        wait = FIRST_WAIT
        for tries in range(FINAL_TRIES):
            try:
                return await self.propose(run_id, kind, name=name, message=message, force=force, attempt=attempt)
            except PASSING:
                if tries == FINAL_TRIES - 1:
                    raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        raise AssertionError("the last try returns or raises")
