"""The hosted jobs of one namespace, and the feeds that tell them what there is, while there are any."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from penstock.infra.kubernetes.cluster import KINDS, Cluster, Listed
from penstock.infra.kubernetes.feed import Feed
from penstock.infra.kubernetes.hosted import Hosted
from penstock.infra.kubernetes.manifest import JOB_LABEL
from penstock.infra.kubernetes.seen import ClusterJob, Event, Pod
from penstock.infra.polling import Pace

Thing = TypeVar("Thing", ClusterJob, Pod, Event)
SHAPES: dict[str, type[Any]] = {"jobs": ClusterJob, "pods": Pod, "events": Event}


class Namespace:
    """Three watches, however many jobs there are; none while there is no job."""

    def __init__(self, cluster: Cluster, name: str, pace: Pace) -> None:
        self._cluster = cluster
        self._name = name
        self._pace = pace
        self._hosted: dict[str, Hosted] = {}
        self._feeds: list[Feed] = []
        self._loop = asyncio.get_running_loop()

    def add(self, hosted: Hosted) -> None:
        """From now on it is told."""
        self._hosted[hosted.name] = hosted
        if not self._feeds:
            self._feeds = [self._feed(kind) for kind in KINDS]

    def drop(self, hosted: Hosted) -> None:
        """It need not be told any more; the last one ends the watches."""
        self._hosted.pop(hosted.name, None)
        if not self._hosted:
            self.close()

    def close(self) -> None:
        """Ends the watches."""
        for feed in self._feeds:
            feed.close()
        self._feeds = []

    def _feed(self, kind: str) -> Feed:
        shape = SHAPES[kind]
        take: Callable[[str, Any], None] = getattr(self, f"_take_{kind}")
        sweep: Callable[[list[Any], str], None] = getattr(self, f"_sweep_{kind}")

        def on_change(change: str, thing: msgspec.Raw) -> None:
            self._loop.call_soon_threadsafe(take, change, msgspec.json.decode(thing, type=shape))

        def on_list(listed: Listed) -> None:
            decoded = [msgspec.json.decode(thing, type=shape) for thing in listed.items]
            self._loop.call_soon_threadsafe(sweep, decoded, listed.version)

        return Feed(self._cluster, kind, self._name, self._pace, on_list, on_change)

    def _take_jobs(self, change: str, job: ClusterJob) -> None:
        if hosted := self._hosted.get(job.metadata.name):
            hosted.see_job(None if change == "DELETED" else job)

    def _take_pods(self, change: str, pod: Pod) -> None:
        if hosted := self._hosted.get((pod.metadata.labels or {}).get(JOB_LABEL, "")):
            hosted.see_pod(pod, gone=change == "DELETED")

    def _take_events(self, change: str, event: Event) -> None:
        if change == "DELETED":
            return  # events go after an hour; what they said is still true
        about = event.involved_object
        name = about.name if about.kind == "Job" else about.name.rpartition("-")[0]
        if hosted := self._hosted.get(name):
            hosted.see_event(event)

    def _sweep_jobs(self, jobs: list[ClusterJob], version: str) -> None:
        there = {job.metadata.name: job for job in jobs}
        for hosted in list(self._hosted.values()):
            hosted.see_job(there.get(hosted.name))

    def _sweep_pods(self, pods: list[Pod], version: str) -> None:
        there: dict[str, list[Pod]] = {}
        for pod in pods:
            there.setdefault((pod.metadata.labels or {}).get(JOB_LABEL, ""), []).append(pod)
        for hosted in list(self._hosted.values()):
            hosted.see_pods(there.get(hosted.name, []), version)

    def _sweep_events(self, events: list[Event], version: str) -> None:
        for event in events:
            self._take_events("ADDED", event)
