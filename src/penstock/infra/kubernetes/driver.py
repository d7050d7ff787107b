"""Runs jobs as Jobs of a Kubernetes cluster."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ClassVar
from uuid import uuid4

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.kubernetes.cluster import Cluster
from penstock.infra.kubernetes.hosted import Hosted, Limits
from penstock.infra.kubernetes.manifest import START, Tree, complete, job_name, namespace_of
from penstock.infra.kubernetes.namespace import Namespace
from penstock.infra.kubernetes.output import Follower
from penstock.infra.kubernetes.seen import ClusterJob
from penstock.infra.kubernetes.variables import KubernetesConfiguration, KubernetesVariables
from penstock.infra.polling import Absent, AlreadyThere, Pace, patiently
from penstock.infra.protocol import Exit, Found, Job, Started
from penstock.infra.templates import fill

CALLERS = 8
"""Calls to API servers at once; each is bounded, and watches have threads of their own."""


class KubernetesInfrastructure:
    """The driver of kind `kubernetes`; a handle is the namespace and the job's name."""

    kind: ClassVar[str] = "kubernetes"
    Variables: ClassVar[type[msgspec.Struct]] = KubernetesVariables

    def __init__(self, pace: Pace | None = None, *, trusting: bool = True) -> None:
        self._pace = pace or Pace()
        self._trusting = trusting
        self._callers = ThreadPoolExecutor(CALLERS, thread_name_prefix="kubernetes")
        self._clusters: dict[str, Cluster] = {}
        self._namespaces: dict[tuple[str, str], Namespace] = {}
        self._jobs: dict[str, Hosted] = {}

    @classmethod
    def for_server(cls) -> KubernetesInfrastructure:
        """A driver within the server, where those who may write a block may not run programs or read files."""
        return cls(trusting=False)

    async def open(self) -> None:
        """Clusters are connected to with the credentials of each job."""

    async def start(self, job: Job) -> Started:
        wanted = fill(KubernetesConfiguration, job.configuration)
        manifest = complete(wanted, job, uuid4().hex)
        if f"{namespace_of(wanted)}:{job_name(job.identity)}" in self._jobs:
            raise _twice(job)
        await self._create(self._cluster(wanted), namespace_of(wanted), manifest, job)
        return self._host(wanted, job)

    async def find(self, job: Job) -> Started | None:
        wanted = fill(KubernetesConfiguration, job.configuration)
        if hosted := self._jobs.get(f"{namespace_of(wanted)}:{job_name(job.identity)}"):
            return Started(hosted.pid, hosted.pid)
        try:
            await self._read(self._cluster(wanted), namespace_of(wanted), job_name(job.identity))
        except Absent:
            return None
        return self._host(wanted, job)

    async def wait(self, handle: str) -> Exit:
        return await asyncio.shield(self._known(handle).ended)

    async def logs(self, handle: str) -> AsyncIterator[bytes]:
        hosted = self._known(handle)
        begun: asyncio.Future[Any] = asyncio.ensure_future(hosted.begun.wait())
        either: set[asyncio.Future[Any]] = {begun, hosted.ended}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        begun.cancel()
        if (pod := hosted.view.pod) and hosted.view.began:
            follower = Follower(hosted, pod.metadata.name, pod.container, self._pace)
            async for line in follower.lines():
                yield line
        await asyncio.wait({hosted.ended})

    async def stop(self, handle: str, grace: float) -> None:
        if hosted := self._jobs.get(handle):
            await hosted.stop(grace)

    async def follow_up(self, handle: str, grace: float) -> None:
        """What a pod leaves is gone with it."""

    async def reconcile(self, scope: str) -> list[Found]:
        return []

    async def forget(self, handle: str) -> None:
        """The job stays in the cluster for as long as its `ttlSecondsAfterFinished` says."""
        if hosted := self._jobs.get(handle):
            await hosted.tidy()
            self._let_go(handle)

    async def close(self) -> None:
        for handle in list(self._jobs):
            self._let_go(handle)
        for namespace in self._namespaces.values():
            namespace.close()
        self._namespaces.clear()
        for cluster in self._clusters.values():
            cluster.close()
        self._clusters.clear()
        self._callers.shutdown(wait=False)

    def _let_go(self, handle: str) -> None:
        if hosted := self._jobs.pop(handle, None):
            hosted.close()
            for namespace in self._namespaces.values():
                namespace.drop(hosted)

    async def _create(self, cluster: Cluster, namespace: str, manifest: Tree, job: Job) -> None:
        """Creates the job; a job that is there already is ours if an answer was lost, and else refuses this start."""
        name = str(manifest["metadata"]["name"])
        try:
            await patiently(lambda: self._ask(cluster.create_job, namespace, manifest), self._pace)
        except Absent as error:
            raise InfrastructureFailed(f"Kubernetes has no namespace {namespace!r} for the job: {error}") from error
        except AlreadyThere:
            there = await self._read(cluster, namespace, name)
            if (there.metadata.annotations or {}).get(START) != manifest["metadata"]["annotations"][START]:
                raise _twice(job) from None

    async def _read(self, cluster: Cluster, namespace: str, name: str) -> ClusterJob:
        found: ClusterJob = await patiently(lambda: self._ask(cluster.read_job, namespace, name), self._pace)
        return found

    def _host(self, wanted: KubernetesConfiguration, job: Job) -> Started:
        limits = Limits(wanted.pod_watch_timeout_seconds, wanted.job_watch_timeout_seconds)
        cluster, namespace = self._cluster(wanted), namespace_of(wanted)
        hosted = Hosted(cluster, self._ask, namespace, job_name(job.identity), limits, self._pace)
        self._jobs[hosted.pid] = hosted
        key = (_key(wanted), namespace)
        if key not in self._namespaces:
            self._namespaces[key] = Namespace(cluster, namespace, self._pace)
        self._namespaces[key].add(hosted)
        return Started(hosted.pid, hosted.pid)

    def _cluster(self, wanted: KubernetesConfiguration) -> Cluster:
        key = _key(wanted)
        if key not in self._clusters:
            self._clusters[key] = Cluster(wanted.cluster_config, trusting=self._trusting)
        return self._clusters[key]

    def _known(self, handle: str) -> Hosted:
        if handle not in self._jobs:
            raise InfrastructureFailed(f"Job {handle} is not known here.")
        return self._jobs[handle]

    async def _ask(self, call: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._callers, partial(call, *arguments))


def _key(wanted: KubernetesConfiguration) -> str:
    """The same for the same cluster and credentials."""
    return json.dumps(msgspec.to_builtins(wanted.cluster_config), sort_keys=True)


def _twice(job: Job) -> InfrastructureFailed:
    return InfrastructureFailed(f"Job {job.identity} was started before; it is not started twice.")
