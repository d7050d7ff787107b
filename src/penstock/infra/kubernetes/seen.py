"""What is read of a cluster's jobs, pods and events; everything else in them is passed over.

Field names are those of the Kubernetes API (batch/v1 Job, v1 Pod, v1 Event).
"""

from __future__ import annotations

from typing import Any

import msgspec


def age(version: str) -> int:
    """A version of the cluster as a number; 0, which is older than none, should a cluster write it otherwise."""
    return int(version) if version.isdigit() else 0


class Shape(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Kubernetes writes its names in camel case."""


class ObjectMeta(Shape, frozen=True):
    """Who an object is; `deletion_timestamp` says that it is on its way out."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None

    @property
    def age(self) -> int:
        """Greater for what was seen later, whichever way it came: versions are numbers that grow."""
        return age(self.resource_version)


class Condition(Shape, frozen=True):
    """One thing that is so or not, and why."""

    type: str
    status: str
    reason: str | None = None
    message: str | None = None

    @property
    def holds(self) -> bool:
        return self.status == "True"


class Waiting(Shape, frozen=True):
    """Why a container has not begun."""

    reason: str | None = None
    message: str | None = None


class Terminated(Shape, frozen=True):
    """How a container ended."""

    exit_code: int
    reason: str | None = None
    message: str | None = None


class ContainerState(Shape, frozen=True):
    """One of three."""

    waiting: Waiting | None = None
    running: dict[str, Any] | None = None
    terminated: Terminated | None = None


class ContainerStatus(Shape, frozen=True):
    """A container of a pod."""

    name: str
    image: str = ""
    state: ContainerState = ContainerState()


class Container(Shape, frozen=True):
    """What was asked for."""

    name: str
    image: str = ""


class PodSpec(Shape, frozen=True):
    """What of a pod's wishes matters for how it ends."""

    restart_policy: str = "Never"
    node_name: str | None = None
    containers: list[Container] = []


class PodStatus(Shape, frozen=True):
    """How a pod fares."""

    phase: str = "Pending"
    reason: str | None = None
    message: str | None = None
    conditions: list[Condition] | None = None
    container_statuses: list[ContainerStatus] | None = None
    init_container_statuses: list[ContainerStatus] | None = None


class Pod(Shape, frozen=True):
    """A pod; the first container of its spec is the job's."""

    metadata: ObjectMeta
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def container(self) -> str:
        return self.spec.containers[0].name if self.spec.containers else ""

    @property
    def state(self) -> ContainerState:
        """Of the job's own container."""
        for status in self.status.container_statuses or []:
            if status.name == self.container:
                return status.state
        return ContainerState()

    def condition(self, kind: str) -> Condition | None:
        """The condition of this type, if it was set."""
        return next((one for one in self.status.conditions or [] if one.type == kind), None)


class JobSpec(Shape, frozen=True):
    """What of a job's wishes matters for how it ends."""

    backoff_limit: int = 6
    suspend: bool | None = None


class JobStatus(Shape, frozen=True):
    """How a job fares."""

    conditions: list[Condition] | None = None


class ClusterJob(Shape, frozen=True):
    """A job."""

    metadata: ObjectMeta
    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()

    @property
    def verdict(self) -> Condition | None:
        """`Complete` or `Failed`, once the cluster has decided."""
        over = (one for one in self.status.conditions or [] if one.type in ("Complete", "Failed") and one.holds)
        return next(over, None)


class Involved(Shape, frozen=True):
    """What an event is about."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Event(Shape, frozen=True):
    """Something that happened to a job or a pod."""

    metadata: ObjectMeta
    involved_object: Involved = Involved()
    type: str | None = None
    reason: str | None = None
    message: str | None = None


class ListMeta(Shape, frozen=True):
    """Which state of the cluster a list is of, and where it goes on."""

    resource_version: str = ""
    continue_: str | None = msgspec.field(default=None, name="continue")


class Page(Shape, frozen=True):
    """A page of a list; its items are decoded by who knows their kind."""

    metadata: ListMeta
    items: list[msgspec.Raw] | None = None


class Change(Shape, frozen=True):
    """One line of a watch."""

    type: str
    object: msgspec.Raw


class Trouble(Shape, frozen=True):
    """The API server's way to say no."""

    code: int = 0
    reason: str | None = None
    message: str | None = None
