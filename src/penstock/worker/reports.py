"""What a worker tells the server about a run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from uuid import UUID

from penstock.client.client import AsyncClient
from penstock.clock import utc_now
from penstock.errors import NotFound, PenstockError, ServerFault, ServerUnreachable, Unavailable
from penstock.infra.protocol import Exit, explain
from penstock.wire import dispatch, flow_runs
from penstock.wire.dispatch import ATTEMPT_HEADER, Loss
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
            with suppress(NotFound):  # a server of Prefect 2 has no labels
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
        answer = await self._crash(run_id, attempt, describe(end), lost=end.lost or end.code is None)
        return answer.state.type if answer.state else None

    async def _crash(self, run_id: UUID, attempt: int | None, message: str, *, lost: bool) -> OrchestrationResult:
        """Crashes a run; one that was lost may be offered again instead, which a Penstock server decides."""
        if not lost or attempt is None:
            return await self.finally_(run_id, attempt, StateType.CRASHED, message)
        return await self._lose(run_id, Loss(attempt=attempt, message=message))

    async def _lose(self, run_id: UUID, loss: Loss) -> OrchestrationResult:
        return await self._patiently(lambda: self._client.call(dispatch.report_loss, loss, id=run_id))

    async def overdue(self, run_id: UUID, attempt: int | None, seconds: float) -> None:
        """The run has taken longer than any may here."""
        message = f"The run was stopped because it ran longer than the {seconds:g} seconds that a run may take here."
        await self.finally_(run_id, attempt, StateType.CRASHED, message, name="TimedOut")

    async def missing(self, run_id: UUID, attempt: int | None) -> StateType | None:
        """The job of a host that is gone can't be found, and its run had begun: it was lost."""
        return await self.ended(run_id, attempt, Exit(None, reason="Its infrastructure knows nothing of it any more."))

    async def is_cancelling(self, run_id: UUID) -> bool:
        """Whether the run is to be cancelled."""
        return (await self._client.call(flow_runs.read_flow_run, id=run_id)).state_type is StateType.CANCELLING

    async def cancelled(self, run_id: UUID, attempt: int | None) -> None:
        """The run's job is gone, as was asked."""
        await self.finally_(run_id, attempt, StateType.CANCELLED, CANCELLED, force=True)

    async def unbegun(self, run_id: UUID, attempt: int | None, message: str) -> StateType | None:
        """Makes a run due again that never began; gives its state, which is another one if it has begun after all."""
        if attempt is not None:
            answer = await self._lose(run_id, Loss(attempt=attempt, message=message, unbegun=True))
            return answer.state.type if answer.state else None
        run = await self._client.call(flow_runs.read_flow_run, id=run_id)
        if run.state_type is not StateType.PENDING:
            return run.state_type
        await self.due_again(run_id, attempt, message)
        return StateType.SCHEDULED

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
        return await self._patiently(
            lambda: self.propose(run_id, kind, name=name, message=message, force=force, attempt=attempt)
        )

    async def _patiently(self, say: Callable[[], Awaitable[OrchestrationResult]]) -> OrchestrationResult:
        wait = FIRST_WAIT
        for tries in range(FINAL_TRIES):
            try:
                return await say()
            except PASSING:
                if tries == FINAL_TRIES - 1:
                    raise
            await asyncio.sleep(wait)
            wait = min(wait * 2, LONGEST_WAIT)
        raise AssertionError("the last try returns or raises")


def describe(end: Exit) -> str:
    """How a job ended that did not say itself how its run went."""
    if end.code == 0:
        message = "The process ended without reporting how the run went, for example through os._exit()."
    elif end.code is None:
        message = f"The run's process or container was lost. {end.reason or explain(None)}"
    else:
        reason = end.reason or explain(end.code)
        message = f"The run's process or container ended with exit code {end.code}. {reason}"
    return f"{message}\n\nThe last lines of its output:\n{end.output}" if end.output else message
