"""Global concurrency limits in user code: `with concurrency("database"): ...` and `rate_limit("api")`."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from penstock.errors import Conflict, Locked, NotFound
from penstock.sdk.context import flow_context, task_context
from penstock.sdk.effects import Call, Sleep, Steps, adrive, drive, dual
from penstock.sdk.leases import Lease, give_back, take, wait_for_room
from penstock.wire import limits


class LostSlots(Conflict):
    """The slots were lost while the work went on: the server could not be told in time that they are used."""

    code = "lost_slots"


class concurrency:
    """Holds slots of limits for the length of a block; `with` blocks, `async with` awaits.

    Waits for room: TimeoutError after `timeout_seconds`, `Locked` after `max_retries` tries. Names
    without a limit are ignored, unless `strict`. In a `strict` block the loss of the slots is raised
    at its end.
    """

    def __init__(
        self,
        names: str | Iterable[str],
        occupy: int = 1,
        timeout_seconds: float | None = None,
        max_retries: int | None = None,
        lease_duration: float = 300.0,
        strict: bool = False,
    ) -> None:
        self.names = [names] if isinstance(names, str) else list(names)
        self.occupy = occupy
        self.timeout_seconds = timeout_seconds
        self.max_retries = max_retries
        self.lease_duration = lease_duration
        self.strict = strict
        self._leases: list[Lease] = []

    def __enter__(self) -> concurrency:
        drive(self._take())
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        drive(self._give_back(failed=kind is not None))

    async def __aenter__(self) -> concurrency:
        await adrive(self._take())
        return self

    async def __aexit__(self, kind: object, *_: object) -> None:
        await adrive(self._give_back(failed=kind is not None))

    def _take(self) -> Steps[None]:
        if not self.names or not self.occupy:
            return
        lease = yield from take(
            self.names,
            self.occupy,
            seconds=self.lease_duration,
            holder=_holder(),
            timeout=self.timeout_seconds,
            max_retries=self.max_retries,
        )
        self._leases.append(lease)
        missing = sorted(set(self.names) - set(lease.names))
        if self.strict and missing:
            yield from self._give_back(failed=True)
        _say_missing(missing, strict=self.strict)

    def _give_back(self, *, failed: bool) -> Steps[None]:
        if not self._leases:
            return
        lease = self._leases.pop()
        if not lease.lost.is_set():
            yield from give_back(lease)
        elif self.strict and not failed:
            raise LostSlots()


@dual
def rate_limit(
    names: str | Iterable[str], occupy: int = 1, timeout_seconds: float | None = None, strict: bool = False
) -> Steps[None]:
    """Waits until the limits let so many more through; their slots drain by themselves."""
    wanted = [names] if isinstance(names, str) else list(names)
    until = None if timeout_seconds is None else time.monotonic() + timeout_seconds
    body = limits.SlotsTake(slots=occupy, names=wanted, mode="rate_limit")
    while True:
        try:
            taken = yield Call(limits.increment_global_limits, body)
            break
        except Locked as full:
            seconds = wait_for_room(full, until, wanted)
        yield Sleep(seconds)
    missing = sorted(set(wanted) - {limit.name for limit in taken})
    _say_missing(missing, strict=strict)


arate_limit = rate_limit.aio


def _say_missing(names: list[str], *, strict: bool) -> None:
    """Limits that don't exist hold nobody up, which is not always meant."""
    if not names:
        return
    said = f"There is no concurrency limit named {', '.join(names)}."
    if strict:
        raise NotFound(said)
    from penstock.sdk.loggers import get_run_logger

    here = task_context.get() or flow_context.get()
    (get_run_logger() if here else logging.getLogger("penstock.sdk.concurrency")).warning(said)


def _holder() -> Any:
    task, flow = task_context.get(), flow_context.get()
    if task is not None:
        return limits.LeaseHolder(type="task_run", id=task.id)
    return limits.LeaseHolder(type="flow_run", id=flow.run.id) if flow is not None else None
