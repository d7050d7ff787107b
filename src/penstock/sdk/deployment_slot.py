"""The slot of a deployment's concurrency limit, while a run of the deployment goes on.

The lease is renewed from a thread. When the server says several times in a row that it is gone, the slot
may be another's by now and the run is interrupted, as Prefect does; a server that can't be reached says
nothing of the kind, so that runs outlive its restarts.
"""

from __future__ import annotations

import asyncio
import ctypes
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from penstock.sdk.leases import Lease, drop, keep

if TYPE_CHECKING:
    from types import FrameType

    from penstock.sdk.session import Session
    from penstock.sdk.states import State

SECONDS = 300.0
AGAIN = 0.1
"""Seconds between one signal to a thread and the next."""
LOST = "The slot of the deployment's concurrency limit was lost, so the run was stopped."


@contextmanager
def held(session: Session, begun: State, *, awaits: bool) -> Iterator[Lease | None]:
    """Renews the run's lease within the block, if it has one; its loss interrupts the block.

    `awaits` says that the block awaits, in the current asyncio task.
    """
    id = begun.details.get("deployment_concurrency_lease_id")
    if id is None:
        yield None
        return
    with _interruptible(awaits) as interrupt:
        lease = Lease(id, SECONDS, session.client, ["the deployment's limit"], on_lost=interrupt)
        keep(lease)
        try:
            yield lease
        finally:
            drop(lease)


@contextmanager
def _interruptible(awaits: bool) -> Iterator[Callable[[], None]]:
    """Gives what interrupts the block, callable from another thread."""
    thread = threading.get_ident()
    if awaits:
        yield partial(_cancel, asyncio.current_task())
    elif thread == threading.main_thread().ident and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        with _signalled(thread) as interrupt:
            yield interrupt
    else:
        yield lambda: _raise_in(thread)


@contextmanager
def _signalled(thread: int) -> Iterator[Callable[[], None]]:
    """As `_interruptible`, by a signal, which wakes a call that sleeps too.

    Python may look for signals just before the call falls asleep, and miss one that comes then: it is sent again
    until its handler has run, or the block is left.
    """
    over = threading.Event()

    def interrupted(number: int, frame: FrameType | None) -> None:
        over.set()
        signal.default_int_handler(number, frame)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield threading.Thread(target=_signal, args=(thread, over), name="penstock-interrupt", daemon=True).start
    finally:
        over.set()
        if signal.getsignal(signal.SIGINT) is interrupted:
            signal.signal(signal.SIGINT, signal.default_int_handler)


def _signal(thread: int, over: threading.Event) -> None:
    while not over.is_set():
        signal.pthread_kill(thread, signal.SIGINT)
        over.wait(AGAIN)


def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.get_loop().call_soon_threadsafe(task.cancel)


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))
