"""One job in a cluster, from its start to its end: what is known of it, its end, its output, its stop."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Protocol

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.exit_codes import KILLED, NEVER_BEGAN, TERMINATED
from penstock.infra.kubernetes.cluster import Cluster
from penstock.infra.kubernetes.seen import ClusterJob, Event, Pod, age
from penstock.infra.kubernetes.verdicts import View, ending, holdup, hopeless
from penstock.infra.polling import Absent, Pace, Passing, patiently
from penstock.infra.protocol import Exit

GIVEN_UP_GRACE = 5.0
TELL_SECONDS = 10.0
"""A container that has not begun after this is worth a word in the log, and every new reason is."""
LOOK_SECONDS = 30.0
"""However silent the watches are, a job is looked at this often while it is being ended."""

log = logging.getLogger("penstock.infra")


class Ask(Protocol):
    """Makes a blocking call in a thread."""

    async def __call__(self, call: Callable[..., Any], *arguments: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds until the container must have begun, and until the job must have ended."""

    begin: float
    end: float | None


class Hosted:
    """A job and the one task that watches over it, for any number of waiters."""

    def __init__(self, cluster: Cluster, ask: Ask, namespace: str, name: str, limits: Limits, pace: Pace) -> None:
        self.name = name
        self.cluster = cluster
        self.namespace = namespace
        self.view = View()
        self.ended: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.begun = asyncio.Event()
        """Set once the container was seen running."""
        self._changed = asyncio.Event()
        self._ask = ask
        self._pace = pace
        self._limits = limits
        self._since = asyncio.get_running_loop().time()
        self._waits_since = self._since
        self._doubt = False
        self._asked: int | None = None
        """By what signal it was ended, if it was by us: that is its end where the cluster tells of none."""
        self._last_told = ""
        self._task = asyncio.create_task(self._until_ended())

    @property
    def pid(self) -> str:
        """What the API shows."""
        return f"{self.namespace}:{self.name}"

    def see_job(self, job: ClusterJob | None) -> None:
        """The job as it is now; None makes the cluster be asked whether it is gone."""
        if job is None:
            self._doubt = True
        elif self.view.job is None or job.metadata.age >= self.view.job.metadata.age:
            self.view.job = job
        self._changed.set()

    def see_pod(self, pod: Pod, *, gone: bool = False) -> None:
        """One of the job's pods; what is older than what is known changes nothing, and no pod comes back."""
        uid = pod.metadata.uid
        known = self.view.pods.get(uid)
        if gone:
            self.view.pods.pop(uid, None)
            self.view.removed[uid] = pod
        elif uid not in self.view.removed and (known is None or pod.metadata.age >= known.metadata.age):
            self.view.pods[uid] = pod
        self._note()

    def see_pods(self, pods: list[Pod], version: str) -> None:
        """All of its pods, of a version of the cluster: what was known before and is not among them is gone."""
        there = {pod.metadata.uid for pod in pods}
        for uid, pod in list(self.view.pods.items()):
            if uid not in there and pod.metadata.age <= age(version):
                self.see_pod(pod, gone=True)
        for pod in pods:
            self.see_pod(pod)
        self._note()

    def see_event(self, event: Event) -> None:
        """Something that happened to it; seen twice, it counts once."""
        self.view.events[event.metadata.uid or event.metadata.name] = event
        self._changed.set()

    async def look(self) -> None:
        """Asks the cluster for the job and its pods, whatever the watches say, which may say more meanwhile."""
        self._doubt = False
        try:
            pods = await patiently(lambda: self._ask(self.cluster.list, "pods", self.namespace, self.name), self._pace)
            self.see_pods([msgspec.json.decode(item, type=Pod) for item in pods.items], pods.version)
            self.see_job(
                await patiently(lambda: self._ask(self.cluster.read_job, self.namespace, self.name), self._pace)
            )
        except Absent:
            self.view.gone = True
        except InfrastructureFailed:
            self._doubt = True
            raise

    async def stop(self, grace: float) -> None:
        """Deletes the job, so that it gets no further pod, then its pods with the grace, and by force after it."""
        if self.ended.done():
            return
        await self._delete(math.ceil(grace))
        await self._until_over(grace)
        while not self.ended.done():
            await self._delete_pods(0)
            with suppress(InfrastructureFailed):
                await self.look()
            await self._until_over(min(LOOK_SECONDS, self._pace.first * 4))

    async def tidy(self) -> None:
        """Deletes a job that would go on without its own container, as with a container beside it that never ends."""
        if self.ended.done() and self.view.runs_on:
            with suppress(Absent, InfrastructureFailed):
                await patiently(lambda: self._ask(self.cluster.delete_job, self.namespace, self.name), self._pace)

    def close(self) -> None:
        """Watches no longer; those who still wait are told so."""
        self._task.cancel()
        self.ended.cancel()

    async def _delete(self, grace: int) -> None:
        with suppress(Absent):
            await self._insist(lambda: self._ask(self.cluster.delete_job, self.namespace, self.name))
        await self._delete_pods(grace)

    async def _delete_pods(self, grace: int) -> None:
        self._asked = TERMINATED if grace else KILLED
        for pod in list(self.view.pods.values()):
            with suppress(Absent):
                await self._insist(
                    partial(self._ask, self.cluster.delete_pod, self.namespace, pod.metadata.name, grace)
                )

    async def _until_over(self, seconds: float) -> None:
        await asyncio.wait({self.ended}, timeout=seconds)

    async def _insist(self, call: Callable[[], Awaitable[Any]]) -> Any:
        return await patiently(call, replace(self._pace, attempts=200))

    async def _until_ended(self) -> None:
        waits = self._pace.waits()
        while not self.ended.done():
            try:
                await self._judge()
                waits = self._pace.waits()
                await asyncio.wait_for(self._changed.wait(), self._next_deadline())
            except TimeoutError:
                continue
            except (Passing, InfrastructureFailed) as error:
                log.warning("job %s could not be watched over, trying again: %s", self.pid, error)
                await asyncio.sleep(next(waits))
            except Exception:
                log.exception("watching over the job %s failed; it goes on", self.pid)
                await asyncio.sleep(self._pace.longest)

    async def _judge(self) -> None:
        self._changed.clear()
        if self._doubt or (self.view.job and self.view.job.verdict and not self._told()):
            await self.look()
        found = ending(self.view)
        if found is None and (reason := self._given_up()):
            found = await self._end_early(reason)
        elif found is None:
            self._tell_holdup()
        if found:
            code = self._asked if found.code is None else found.code
            self._end(replace(found, code=code, output=await self._tail()))

    def _note(self) -> None:
        if self.view.began:
            self.begun.set()
        self._changed.set()

    def _told(self) -> bool:
        """Whether a pod has said how it ended."""
        return self.view.pod is not None and self.view.pod.state.terminated is not None

    def _tell_holdup(self) -> None:
        if self.view.began or self._lasted(self._waits_since) < TELL_SECONDS:
            return
        if (why := holdup(self.view)) != self._last_told:
            self._last_told = why
            log.warning("job %s has not begun: %s", self.pid, why)

    def _lasted(self, since: float) -> float:
        return asyncio.get_running_loop().time() - since

    def _given_up(self) -> str:
        """Why the job is not to be waited for any longer."""
        if self._limits.end is not None and self._lasted(self._since) >= self._limits.end:
            return f"It did not end within {self._limits.end:g} s (job_watch_timeout_seconds), so it was deleted."
        if self.view.suspended:
            self._waits_since = asyncio.get_running_loop().time()
        if self.view.began:
            return ""
        if hopeless(self.view):
            return holdup(self.view)
        if self._lasted(self._waits_since) < self._limits.begin:
            return ""
        limit = f"It did not begin within {self._limits.begin:g} s (pod_watch_timeout_seconds), so it was deleted."
        return f"{limit} {holdup(self.view)}"

    async def _end_early(self, reason: str) -> Exit | None:
        """Deletes a job that is given up, so that it can't begin later; it may have begun or ended just now."""
        had_begun = self.view.began
        await self.look()
        if (found := ending(self.view)) or self.view.began is not had_begun:
            return found
        await self._delete(int(GIVEN_UP_GRACE))
        by_force = asyncio.get_running_loop().time() + GIVEN_UP_GRACE
        while (found := ending(self.view)) is None:
            await asyncio.sleep(self._pace.first)
            if asyncio.get_running_loop().time() > by_force:
                await self._delete_pods(0)
            await self.look()
        return replace(found, code=found.code if had_begun else NEVER_BEGAN, reason=reason, lost=False)

    def _next_deadline(self) -> float | None:
        """Seconds until something is to be decided without news."""
        ahead = [] if self._limits.end is None else [self._since + self._limits.end]
        if not self.view.began and not self.view.suspended:
            limits = [self._limits.begin, *([] if self._last_told else [TELL_SECONDS])]
            ahead += [self._waits_since + limit for limit in limits]
        return max(0.01, min(ahead) - asyncio.get_running_loop().time()) if ahead else None

    async def _tail(self) -> str:
        pod = self.view.pod
        if pod is None or not self.view.began or pod.metadata.uid in self.view.removed:
            return ""
        try:
            call = self.cluster.tail
            return str(
                await patiently(
                    lambda: self._ask(call, self.namespace, pod.metadata.name, pod.container),
                    replace(self._pace, attempts=3),
                )
            )
        except (Absent, InfrastructureFailed) as error:
            log.warning("the last output of job %s can't be read: %s", self.pid, error)
            return ""

    def _end(self, found: Exit) -> None:
        if not self.ended.done():
            self.ended.set_result(found)
