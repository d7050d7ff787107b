"""The jobs a worker hosts, each from its claim to the last word about it."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from penstock.clock import utc_now
from penstock.errors import InfrastructureBusy, PenstockError
from penstock.infra.protocol import Exit, Found, Infrastructure, Job, Started, explain
from penstock.wire.dispatch import Held
from penstock.wire.states import StateType
from penstock.worker.announcements import Announcements
from penstock.worker.facts import Taken
from penstock.worker.hosted import GRACE_SECONDS, Hosted
from penstock.worker.launch import Launcher
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

HOOK_SECONDS = 300.0
STARTS = 5
"""How often a start is tried that fails for now,"""
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""... and the seconds between two of them."""
UNHOSTED = 256
RUN_SECONDS = "maximum_run_seconds"

log = logging.getLogger("penstock.worker")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a job may run here (None: without end), what its host is called in the run's log, and whether it
    shows the output of jobs."""

    run_seconds: float | None = None
    title: str = "The worker {!r}"
    shows: bool = True

    def over_at(self, job: Job, since: datetime) -> datetime | None:
        """When a job that runs since a moment has run for too long; its configuration may say so itself."""
        own = job.configuration.get(RUN_SECONDS)
        seconds = self.run_seconds if own is None else float(own)
        return since + timedelta(seconds=seconds) if seconds else None


class Jobs:
    """Starts, watches and stops jobs. What goes wrong with one is said and harms no other."""

    def __init__(
        self,
        driver: Infrastructure,
        launcher: Launcher | None,
        reports: Reports,
        logs: RunLogs,
        announcements: Announcements | None = None,
        limits: Limits = Limits(),
    ) -> None:
        self._driver = driver
        self._announcements = announcements
        self._launcher = launcher
        """None where jobs are only adopted."""
        self._reports = reports
        self._logs = logs
        self._limits = limits
        self._tasks: set[asyncio.Task[None]] = set()
        self._unhosted: deque[UUID] = deque(maxlen=UNHOSTED)
        """Runs to be cancelled that are not hosted here; the claim of one may be on its way."""
        self.hosted: dict[UUID, Hosted] = {}

    def begin(self, taken: Taken, worker: str) -> None:
        """Takes a claimed run in hand."""
        assert self._launcher is not None
        hosted = Hosted(taken.run_id, taken.facts.attempt, taken.facts.holder or worker, grace=taken.grace)
        self.hosted[taken.run_id] = hosted
        self._logs.name(taken.run_id, taken.facts.flow_run.name)
        self._logs.info(hosted.run_id, f"{self._limits.title.format(worker)} starts the run.")
        self._spawn(hosted, self._launch(self._launcher, taken, hosted))

    def resume(self, taken: Taken, worker: str) -> None:
        """Takes in hand a run that a host which is gone has started, or was about to; wherever its job runs."""
        assert self._launcher is not None
        run = taken.facts.flow_run
        if taken.run_id in self.hosted:
            return
        hosted = Hosted(taken.run_id, taken.facts.attempt, taken.facts.holder or worker, grace=taken.grace)
        self.hosted[taken.run_id] = hosted
        self._logs.name(run.id, run.name)
        self._logs.info(run.id, f"{self._limits.title.format(worker)} looks after the run now: who did so is gone.")
        since = run.state.timestamp if run.state else utc_now()
        if run.state_type is StateType.CANCELLING:
            hosted.cancelling = True
            hosted.grace = max(0.0, hosted.grace - (utc_now() - since).total_seconds())
        self._spawn(hosted, self._resume(self._launcher, taken, hosted, since))

    def adopt(self, found: Found, *, own: bool = False) -> None:
        """Takes an earlier worker's job in hand, or one's `own` that was just started."""
        note = found.note
        hosted = Hosted(UUID(note["run_id"]), note["attempt"], note["worker"], found.handle, note["show"])
        hosted.grace = note.get("grace", GRACE_SECONDS)
        if hosted.run_id in self.hosted:
            hosted.lost = True  # an earlier attempt's, which nobody may report on any more
            self._stop(hosted, GRACE_SECONDS)
            self._spawn(hosted, self._watch(hosted))
            return
        self.hosted[hosted.run_id] = hosted
        if found.pid is None:
            self._spawn(hosted, self._give_back(hosted))
            return
        if not own:
            self._logs.info(hosted.run_id, f"Watching on over the job (pid {found.pid}) of worker {hosted.holder!r}")
        self._spawn(hosted, self._watch(hosted))

    def held(self) -> dict[str, list[Held]]:
        """What leases are to be renewed, by the name they are under."""
        found: dict[str, list[Held]] = {}
        for one in self.hosted.values():
            if one.attempt is not None and not one.lost:
                found.setdefault(one.holder, []).append(Held(flow_run_id=one.run_id, attempt=one.attempt))
        return found

    def hosts(self, run_id: UUID, attempt: int) -> bool:
        """Whether this attempt is hosted here now: what is said of an earlier one may come late."""
        hosted = self.hosted.get(run_id)
        return hosted is not None and hosted.attempt == attempt

    def cancel(self, run_id: UUID) -> None:
        """Ends a run's job and marks the run cancelled; of what is not hosted here, or on its way out, nothing."""
        hosted = self.hosted.get(run_id)
        if hosted is None:
            self._unhosted.append(run_id)
        if hosted is None or hosted.cancelling:
            return
        hosted.cancelling = True
        hosted.news.set()
        self._logs.info(run_id, "The run is to be cancelled: its job is asked to end.")
        self._stop(hosted, hosted.grace)

    def lose(self, run_id: UUID, reason: str = "The run was given to another worker", grace: float = 30.0) -> None:
        """Ends the job of a run that is not ours to report on any more."""
        hosted = self.hosted.get(run_id)
        if hosted and not hosted.lost:
            hosted.lost = True
            hosted.news.set()
            self._logs.warning(run_id, f"{reason}; its process here is ended")
            self._stop(hosted, grace)

    def let_go(self, run_id: UUID) -> None:
        """Watches no more over a job that another host has in hand."""
        hosted = self.hosted.get(run_id)
        if hosted and hosted.task:
            self._logs.warning(run_id, "Another host looks after the run now")
            hosted.lost = True
            hosted.task.cancel()

    async def until_empty(self) -> None:
        """Returns once no job is left."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def until_one_ends(self) -> None:
        """Returns once there is room again."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), return_when=asyncio.FIRST_COMPLETED)

    def stop_all(self, grace: float) -> None:
        """Ends every job; their runs are reported as crashed."""
        for hosted in self.hosted.values():
            self._stop(hosted, grace)

    async def abandon(self) -> None:
        """Stops watching; the jobs run on, and the next worker finds them."""
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stop(self, hosted: Hosted, grace: float) -> None:
        if hosted.handle:
            task = asyncio.create_task(self._driver.stop(hosted.handle, grace))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _spawn(self, hosted: Hosted, work: Coroutine[None, None, object]) -> None:
        task = hosted.task = asyncio.create_task(self._guard(hosted, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, hosted: Hosted, work: Coroutine[None, None, object]) -> None:
        try:
            await work
        except PenstockError as error:
            self._logs.error(hosted.run_id, f"The server could not be told how the run ended: {error.message}")
        except Exception:
            log.exception("the worker failed at a run", extra={"flow_run": str(hosted.run_id)})
        finally:
            if self.hosted.get(hosted.run_id) is hosted:
                del self.hosted[hosted.run_id]
                self._logs.forget(hosted.run_id)

    async def _launch(self, launcher: Launcher, taken: Taken, hosted: Hosted) -> None:
        try:
            if taken.run_id in self._unhosted and await self._reports.is_cancelling(taken.run_id):
                await self._reports.cancelled(taken.run_id, hosted.attempt)
                return
            job = await launcher.prepare(taken)
            if launcher.announces:
                await self._reports.submitting(taken)
            hosted.shows = self._limits.shows and job.note["show"]
            started = await self._start(job, hosted)
        except Exception as error:
            await self._unstarted(taken, hosted, error)
            return
        hosted.handle = started.handle
        hosted.over_at = self._limits.over_at(job, utc_now())
        if hosted.cancelling or hosted.lost:
            self._stop(hosted, hosted.grace)
        recording = asyncio.create_task(self._record(taken, started.pid, label=launcher.announces))
        try:
            end = await self._watch(hosted)
            await recording
        finally:
            recording.cancel()
        if self._announcements:
            self._announcements.executed(taken, started.pid, end.code)

    async def _start(self, job: Job, hosted: Hosted) -> Started:
        """Starts a job; one that could not be started for now is tried again, ever more slowly, but not for ever."""
        wait = FIRST_WAIT
        for tries in range(1, STARTS + 1):
            try:
                found = await self._driver.find(job) if tries > 1 else None
                return found or await self._driver.start(job)
            except InfrastructureBusy as error:
                if tries == STARTS or hosted.news.is_set():
                    raise
                again = f"start {tries} of {STARTS} failed, the next is in {wait:.0f} s"
                self._logs.warning(hosted.run_id, f"{error.message} ({again})")
            await hosted.rest(wait * random.uniform(0.8, 1.2))
            wait = min(wait * 2, LONGEST_WAIT)
        raise AssertionError("the last try returns or raises")

    async def _unstarted(self, taken: Taken, hosted: Hosted, error: Exception) -> None:
        if hosted.cancelling:
            await self._reports.cancelled(hosted.run_id, hosted.attempt)
        elif not hosted.lost:
            self._logs.error(hosted.run_id, f"The job of the run could not be started: {error}")
            await self._reports.unstarted(taken, error)

    async def _resume(self, launcher: Launcher, taken: Taken, hosted: Hosted, since: datetime) -> None:
        found = await self._find(launcher, taken, hosted)
        begun = taken.facts.flow_run.state_type is not StateType.PENDING
        while found is None and not hosted.lost and await self._may_have_begun(hosted, begun):
            found, begun = await self._find(launcher, taken, hosted), True
        if found is None or hosted.lost:
            return
        job, started = found
        hosted.handle = started.handle
        hosted.over_at = self._limits.over_at(job, since)
        self._logs.info(hosted.run_id, f"The job of the run was found ({started.pid}) and is watched on over.")
        if hosted.cancelling:
            self._stop(hosted, hosted.grace)
        await self._watch(hosted)

    async def _find(self, launcher: Launcher, taken: Taken, hosted: Hosted) -> tuple[Job, Started] | None:
        """Asks the infrastructure until it answers: that it can't be asked says nothing of the job."""
        wait = FIRST_WAIT
        while not hosted.lost:
            try:
                job = await launcher.prepare(taken)
                hosted.shows = self._limits.shows and job.note["show"]
                started = await self._driver.find(job)
            except Exception as error:
                self._logs.warning(hosted.run_id, f"The job of the run can't be looked for, trying again: {error}")
                hosted.news.clear()
                await hosted.rest(wait)
                wait = min(wait * 2, LONGEST_WAIT)
                continue
            return (job, started) if started else None
        return None

    async def _may_have_begun(self, hosted: Hosted, begun: bool) -> bool:
        """Says what becomes of a run without a job; whether its job has begun since it was looked for.

        Its first host may only have been frozen, and start it at any moment until the server hears that it is not to.
        """
        if hosted.cancelling:
            await self._reports.cancelled(hosted.run_id, hosted.attempt)
            return False
        gone = "Who was to start this run is gone, and has not started its job."
        unbegun = not begun and await self._reports.unbegun(hosted.run_id, hosted.attempt, gone)
        if unbegun is StateType.RUNNING:
            return True
        state = unbegun or await self._reports.missing(hosted.run_id, hosted.attempt)
        self._logs.warning(hosted.run_id, f"The job of the run is not there: the run is {state or 'over'} now.")
        return False

    async def _record(self, taken: Taken, pid: str, *, label: bool) -> None:
        self._logs.info(taken.run_id, f"The job of the run was started (pid {pid}).")
        if self._announcements:
            self._announcements.submitted(taken)
        try:
            await self._reports.started(taken, pid, label=label)
        except PenstockError as error:
            self._logs.warning(taken.run_id, f"The job's identifier could not be recorded: {error.message}")

    async def _watch(self, hosted: Hosted) -> Exit:
        assert hosted.handle is not None
        showing = asyncio.create_task(self._show(hosted.handle)) if hosted.shows else None
        try:
            end = await self._until_over(hosted, hosted.handle)
            if showing:
                await showing
        finally:
            if showing:
                showing.cancel()
        if not hosted.lost:
            await self._finish(hosted, end)
        await self._driver.forget(hosted.handle)
        return end

    async def _until_over(self, hosted: Hosted, handle: str) -> Exit:
        """Waits for the end of the job, and brings it about when it takes too long."""
        waiting = asyncio.create_task(self._driver.wait(handle))
        try:
            if hosted.over_at:
                left = max(0.0, (hosted.over_at - utc_now()).total_seconds())
                await asyncio.wait({waiting}, timeout=left)
            if hosted.over_at and not waiting.done() and not hosted.cancelling and not hosted.lost:
                self._logs.error(hosted.run_id, "The run has taken too long: its job is ended.")
                hosted.lost = True  # the last word about it is said before its job may say another
                await self._reports.overdue(hosted.run_id, hosted.attempt, self._limits.run_seconds or 0.0)
                self._stop(hosted, hosted.grace)
            return await waiting
        finally:
            waiting.cancel()

    async def _finish(self, hosted: Hosted, end: Exit) -> None:
        state = None if hosted.cancelling else await self._reports.ended(hosted.run_id, hosted.attempt, end)
        if hosted.cancelling or state is StateType.CANCELLING:
            await self._reports.cancelled(hosted.run_id, hosted.attempt)
            self._logs.info(hosted.run_id, "The job of the run has ended: it is cancelled.")
        elif end.code != 0:
            reason = end.reason or explain(end.code)
            how = "The job was lost" if end.code is None else f"Job ended with exit code {end.code}"
            self._logs.error(hosted.run_id, f"{how}: {reason}")
            if state is StateType.SCHEDULED:
                self._logs.info(hosted.run_id, "What the run ran on was lost, so it is offered again.")
        if hosted.handle and (hosted.cancelling or state in (StateType.CRASHED, StateType.CANCELLING)):
            await self._driver.follow_up(hosted.handle, HOOK_SECONDS)

    async def _give_back(self, hosted: Hosted) -> None:
        """For a job that was written down and never began: another start may go better."""
        self._logs.warning(hosted.run_id, "The worker ended before it could start this run; it is scheduled again")
        ended = "The worker ended before it could start this run."
        await self._reports.unbegun(hosted.run_id, hosted.attempt, ended)
        if hosted.handle:
            await self._driver.forget(hosted.handle)

    async def _show(self, handle: str) -> None:
        async for piece in self._driver.logs(handle):
            sys.stdout.write(piece.decode(errors="replace"))
            sys.stdout.flush()
