"""Slots of concurrency limits, held by leases that one thread renews for the whole process."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from penstock.client.client import Client
from penstock.errors import Gone, Locked, PenstockError
from penstock.ids import new_id
from penstock.sdk.effects import Call, Sleep, Steps
from penstock.sdk.session import session
from penstock.wire import limits

TASK_SECONDS = 60.0
RENEW_AT = 0.75
PATIENCE = 3

log = logging.getLogger("penstock.sdk.leases")


@dataclass(slots=True)
class Lease:
    """Slots held; `lost` once the server has said `PATIENCE` times in a row that they are gone.

    `on_lost` is called then, in the thread that renews.
    """

    id: UUID
    seconds: float
    client: Client
    names: list[str]
    due: float = 0.0
    gone: int = 0
    lost: threading.Event = field(default_factory=threading.Event)
    on_lost: Callable[[], None] | None = None


def take(
    names: Sequence[str],
    slots: int,
    *,
    seconds: float,
    holder: limits.LeaseHolder | None = None,
    timeout: float | None = None,
    max_retries: int | None = None,
) -> Steps[Lease]:
    """Takes slots of every limit, waiting while one is full.

    Raises `Locked` after `max_retries` tries, TimeoutError after `timeout` seconds.
    """
    until = None if timeout is None else time.monotonic() + timeout
    body = limits.SlotsLease(slots=slots, names=list(names), lease_duration=seconds, holder=holder)
    wanted = {limits.LEASE_HEADER: str(new_id())}  # so that a lost answer takes no slot twice
    tries = 0
    while True:
        try:
            taken = yield Call(limits.increment_with_lease, body, headers=wanted)
        except Locked as full:
            if max_retries is not None and tries >= max_retries:
                raise
            yield Sleep(wait_for_room(full, until, names))
            tries += 1
        else:
            lease = Lease(taken.lease_id, seconds, session().client, [limit.name for limit in taken.limits])
            keep(lease)
            return lease


def wait_for_room(full: Locked, until: float | None, names: Sequence[str]) -> float:
    """Seconds until the next try. Raises TimeoutError when that is too late."""
    if until is not None and time.monotonic() + full.retry_after > until:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"No free slot of {', '.join(names)} in time.") from None
        return left
    return full.retry_after


def take_for_task(task_run_id: UUID, tags: Sequence[str]) -> Steps[Lease]:
    """The slots of a task run's tags: it waits until each has one."""
    names = [f"tag:{tag}" for tag in tags]
    holder = limits.LeaseHolder(type="task_run", id=task_run_id)
    return (yield from take(names, 1, seconds=TASK_SECONDS, holder=holder))


def give_back(lease: Lease) -> Steps[None]:
    """Frees the slots."""
    drop(lease)
    try:
        yield Call(limits.decrement_with_lease, limits.LeaseReturn(lease_id=lease.id))
    except PenstockError as error:  # the lease lapses by itself; the user's work has ended well
        log.warning("slots not given back", extra={"lease": str(lease.id), "error": str(error)})


_leases: dict[UUID, Lease] = {}
_changed = threading.Condition()
_keeper: threading.Thread | None = None


def keep(lease: Lease) -> None:
    """Renews the lease from now on, from a thread that the user's code does not block."""
    global _keeper
    with _changed:
        lease.due = time.monotonic() + lease.seconds * RENEW_AT
        _leases[lease.id] = lease
        if _keeper is None or not _keeper.is_alive():
            _keeper = threading.Thread(target=_renew_all, name="penstock-leases", daemon=True)
            _keeper.start()
        _changed.notify_all()


def drop(lease: Lease) -> None:
    """Ends the renewing."""
    with _changed:
        _leases.pop(lease.id, None)


def _renew_all() -> None:
    while True:
        with _changed:
            while not _leases:
                _changed.wait()
            now = time.monotonic()
            due = [lease for lease in _leases.values() if lease.due <= now]
            if not due:
                _changed.wait(min(lease.due for lease in _leases.values()) - now)
        for lease in due:
            _renew(lease)


def _renew(lease: Lease) -> None:
    """Renews once; what fails is tried again soon, a server that is out of reach as long as it takes."""
    try:
        lease.client.call(limits.renew_lease, limits.LeaseRenewal(lease_duration=lease.seconds), lease_id=lease.id)
    except PenstockError as error:
        lease.gone = lease.gone + 1 if isinstance(error, Gone) else 0
        lease.due = time.monotonic() + lease.seconds * (1 - RENEW_AT) / 5
        log.warning("lease not renewed", extra={"lease": str(lease.id), "error": str(error)})
        if lease.gone >= PATIENCE:
            _lose(lease)
    else:
        lease.gone = 0
        lease.due = time.monotonic() + lease.seconds * RENEW_AT


def _lose(lease: Lease) -> None:
    drop(lease)
    lease.lost.set()
    log.error("lost the slots of %s", ", ".join(lease.names), extra={"lease": str(lease.id)})
    if lease.on_lost is not None:
        lease.on_lost()


def held() -> list[Lease]:
    """The leases this process renews now."""
    with _changed:
        return list(_leases.values())
