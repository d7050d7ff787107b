"""The seam between Penstock and the places that jobs run in: what a driver is given and what it must keep.

A driver knows how to start, watch and stop one job of its kind. Workers, the server's push dispatcher
and agents host the same driver.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt at one run, ready to be started.

    `identity` is made of the run and the attempt, so that a second start can be refused. A job is either
    the `command`, or, where the driver can do that, `entry` ("module:function"), which is called with
    `payload`. `note` is kept beside the job and handed back by `reconcile`.
    """

    identity: str
    configuration: Mapping[str, Any]
    env: Mapping[str, str]
    command: list[str] | None = None
    entry: str | None = None
    payload: bytes = b""
    note: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Started:
    """A job that exists: `handle` is for this driver, `pid` is what the API shows as `infrastructure_pid`."""

    handle: str
    pid: str


@dataclass(frozen=True, slots=True)
class Exit:
    """How a job ended: its exit code, negative for a signal, None when it vanished; the end of its output.

    `reported` says that the job left word that the server knows the end of its run; without it, it is asked.
    `reason` is what the infrastructure itself says of the end, one sentence: out of memory, evicted, image not found.
    `lost` says that what the job ran on was taken from it (evicted, preempted, its machine gone): the deployment says
    whether its run is offered again then. A job that vanished is lost.
    """

    code: int | None
    output: str = ""
    reported: bool = False
    reason: str = ""
    lost: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """A job of an earlier host. `pid` is None when it was recorded and never began."""

    handle: str
    pid: str | None
    note: Mapping[str, Any]


class Infrastructure(Protocol):
    """A driver of one kind of infrastructure.

    Order: `open` once, before all else; `start` gives a handle; `wait`, `logs` and `stop` take handles from
    `start`, `find` or `reconcile`; `forget` ends a handle; `close` last, and never ends a running job.

    Concurrency: all calls may overlap, for different handles and for the same one; any number of callers
    may wait for one job, during and after its life, until it is forgotten.

    Idempotence: what identifies a job is written down before the job exists, and the infrastructure itself
    refuses to start the same identity twice (`InfrastructureFailed`). `stop` and `forget` of what is gone
    do nothing. A host that dies loses nothing: the next host's `reconcile` finds its jobs.
    """

    kind: ClassVar[str]
    Variables: ClassVar[type[msgspec.Struct]]
    """What may be set per deployment or run; its JSON schema is the pool's form."""

    async def open(self) -> None:
        """Gets ready to start jobs."""
        ...

    async def start(self, job: Job) -> Started:
        """Starts the job and returns once it exists; `InfrastructureFailed` says why it does not.

        `InfrastructureBusy` says that a later try may go better, and that it is unknown whether the job exists.
        """
        ...

    async def find(self, job: Job) -> Started | None:
        """Takes in hand the job of this identity, which an earlier host started; None when there is none.

        It may have ended since: `wait` then tells how. The infrastructure is asked, so `job.configuration` must say
        where to look and with whose credentials.
        """
        ...

    async def wait(self, handle: str) -> Exit:
        """Returns when the job has ended. Cancelling the call leaves the job alone."""
        ...

    def logs(self, handle: str) -> AsyncIterator[bytes]:
        """The job's output from its beginning, as it comes, until the job has ended."""
        ...

    async def stop(self, handle: str, grace: float) -> None:
        """Asks the job to end, and ends it by force after `grace` seconds (0: unasked); returns when it has ended."""
        ...

    async def follow_up(self, handle: str, grace: float) -> None:
        """Runs what an ended job has left to be run in its place, if anything, for at most `grace` seconds."""
        ...

    async def reconcile(self, scope: str) -> list[Found]:
        """Takes over jobs here whose note has this `scope` and whose host is gone; no two hosts get the same.

        Called at the start and now and then; it also clears away what is left of ended jobs that nobody will ask for.
        Where jobs run elsewhere there are none: the server knows their runs, and `find` takes them in hand.
        """
        ...

    async def forget(self, handle: str) -> None:
        """Removes what is kept of an ended job."""
        ...

    async def close(self) -> None:
        """Lets go of everything but running jobs."""
        ...


_MEANINGS = {
    0: "Process exited cleanly.",
    -9: (
        "SIGKILL: the process was stopped by force: by a cancellation whose grace was over, "
        "by a user, or by the operating system for want of memory."
    ),
    -15: "SIGTERM: the process was asked to end.",
    -11: "SIGSEGV: native code in the process failed.",
    1: "Process failed before or outside of the flow; its output says why.",
    125: "Container failed to run; the container engine itself reported an error.",
    126: "Command could not be run: it is not executable, or its working directory can't be entered.",
    127: "Command was not found.",
    137: "SIGKILL: the process was stopped by force, most likely for want of memory.",
    143: "SIGTERM: the process was asked to end.",
    247: "Process was terminated, most likely for want of memory.",
}


def explain(code: int | None) -> str:
    """What an exit code means, in one sentence; the codes and their sense are Prefect's."""
    if code is None:
        return "It vanished: nothing recorded how it ended, which is so after a restart of the machine."
    return _MEANINGS.get(code, "The cause is in its output.")
