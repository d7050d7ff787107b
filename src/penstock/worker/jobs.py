"""The jobs a worker hosts, each from its claim to the last word about it."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Coroutine
from dataclasses import dataclass
from uuid import UUID

from penstock.errors import PenstockError
from penstock.infra.protocol import Exit, Found, Infrastructure, explain
from penstock.wire.dispatch import Held
from penstock.wire.states import StateType
from penstock.worker.announcements import Announcements
from penstock.worker.facts import Taken
from penstock.worker.launch import Launcher
from penstock.worker.reports import Reports
from penstock.worker.run_logs import RunLogs

GRACE_SECONDS = 30.0
HOOK_SECONDS = 300.0

log = logging.getLogger("penstock.worker")


@dataclass(slots=True)
class Hosted:
    """One run in this worker's hands. `holder` is the name its lease is under: an earlier worker's, if adopted."""

    run_id: UUID
    attempt: int | None
    holder: str
    handle: str | None = None
    shows: bool = True
    cancelling: bool = False
    lost: bool = False


class Jobs:
    """Starts, watches and stops jobs. What goes wrong with one is said and harms no other."""

    def __init__(
        self,
        driver: Infrastructure,
        launcher: Launcher | None,
        reports: Reports,
        logs: RunLogs,
        announcements: Announcements | None = None,
    ) -> None:
        self._driver = driver
        self._announcements = announcements
        self._launcher = launcher
        """None where jobs are only adopted."""
        self._reports = reports
        self._logs = logs
        self._tasks: set[asyncio.Task[None]] = set()
        self.hosted: dict[UUID, Hosted] = {}

    def begin(self, taken: Taken, worker: str) -> None:
        """Takes a claimed run in hand."""
        assert self._launcher is not None
        hosted = self.hosted[taken.run_id] = Hosted(taken.run_id, taken.facts.attempt, worker)
        self._logs.name(taken.run_id, taken.facts.flow_run.name)
        self._logs.info(hosted.run_id, f"The worker {worker!r} starts the run.")
        self._spawn(hosted, self._launch(self._launcher, taken, hosted))

    def adopt(self, found: Found) -> None:
        """Takes an earlier worker's job in hand."""
        note = found.note
        hosted = Hosted(UUID(note["run_id"]), note["attempt"], note["worker"], found.handle, note["show"])
        if hosted.run_id in self.hosted:
            hosted.lost = True  # an earlier attempt's, which nobody may report on any more
            self._stop(hosted, GRACE_SECONDS)
            self._spawn(hosted, self._watch(hosted))
            return
        self.hosted[hosted.run_id] = hosted
        if found.pid is None:
            self._spawn(hosted, self._give_back(hosted))
        else:
            self._logs.info(hosted.run_id, f"Watching on over the job (pid {found.pid}) of worker {hosted.holder!r}")
            self._spawn(hosted, self._watch(hosted))

    def held(self) -> dict[str, list[Held]]:
        """What leases are to be renewed, by the name they are under."""
        found: dict[str, list[Held]] = {}
        for one in self.hosted.values():
            if one.attempt is not None and not one.lost:
                found.setdefault(one.holder, []).append(Held(flow_run_id=one.run_id, attempt=one.attempt))
        return found

    def cancel(self, run_id: UUID) -> None:
        """Ends a run's job and marks the run cancelled; of what is not hosted here, or on its way out, nothing."""
        hosted = self.hosted.get(run_id)
        if hosted is None or hosted.cancelling:
            return
        hosted.cancelling = True
        self._logs.info(run_id, "The run is to be cancelled: its job is asked to end.")
        self._stop(hosted, GRACE_SECONDS)

    def lose(self, run_id: UUID, reason: str = "The run was given to another worker", grace: float = 30.0) -> None:
        """Ends the job of a run that is not ours to report on any more."""
        hosted = self.hosted.get(run_id)
        if hosted and not hosted.lost:
            hosted.lost = True
            self._logs.warning(run_id, f"{reason}; its process here is ended")
            self._stop(hosted, grace)

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
        task = asyncio.create_task(self._guard(hosted, work))
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
            job = await launcher.prepare(taken)
            if launcher.announces:
                await self._reports.submitting(taken)
            hosted.shows = job.note["show"]
            started = await self._driver.start(job)
        except Exception as error:
            self._logs.error(hosted.run_id, f"The job of the run could not be started: {error}")
            await self._reports.unstarted(taken, error)
            return
        hosted.handle = started.handle
        if hosted.cancelling or hosted.lost:
            self._stop(hosted, GRACE_SECONDS)
        recording = asyncio.create_task(self._record(taken, started.pid, label=launcher.announces))
        try:
            end = await self._watch(hosted)
            await recording
        finally:
            recording.cancel()
        if self._announcements:
            self._announcements.executed(taken, started.pid, end.code)

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
        end = await self._driver.wait(hosted.handle)
        if showing:
            await showing
        if not hosted.lost:
            await self._finish(hosted, end)
        await self._driver.forget(hosted.handle)
        return end

    async def _finish(self, hosted: Hosted, end: Exit) -> None:
        state = None if hosted.cancelling else await self._reports.ended(hosted.run_id, hosted.attempt, end)
        if hosted.cancelling or state is StateType.CANCELLING:
            await self._reports.cancelled(hosted.run_id, hosted.attempt)
            self._logs.info(hosted.run_id, "The job of the run has ended: it is cancelled.")
        elif end.code != 0:
            self._logs.error(hosted.run_id, f"Job ended with exit code {end.code}: {explain(end.code)}")
        if hosted.handle and (hosted.cancelling or state in (StateType.CRASHED, StateType.CANCELLING)):
            await self._driver.follow_up(hosted.handle, HOOK_SECONDS)

    async def _give_back(self, hosted: Hosted) -> None:
        """For a job that was written down and never began: another start may go better."""
        self._logs.warning(hosted.run_id, "The worker ended before it could start this run; it is scheduled again")
        await self._reports.rescheduled(hosted.run_id, hosted.attempt)
        if hosted.handle:
            await self._driver.forget(hosted.handle)

    async def _show(self, handle: str) -> None:
        async for piece in self._driver.logs(handle):
            sys.stdout.write(piece.decode(errors="replace"))
            sys.stdout.flush()
