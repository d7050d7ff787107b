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
    from penstock.sdk.session import Session
    from penstock.sdk.states import State

SECONDS = 300.0
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
    lease = Lease(id, SECONDS, session.client, ["the deployment's limit"], on_lost=_interruption(awaits))
    keep(lease)
    try:
        yield lease
    finally:
        drop(lease)


def _interruption(awaits: bool) -> Callable[[], None]:
    """What interrupts the code that runs here, callable from another thread."""
    if awaits:
        return partial(_cancel, asyncio.current_task())
    thread = threading.get_ident()
    if thread == threading.main_thread().ident and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        return lambda: signal.pthread_kill(thread, signal.SIGINT)  # wakes a sleeping call too
    return lambda: _raise_in(thread)


def _cancel(task: asyncio.Task[Any] | None) -> None:
    if task is not None:
        task.get_loop().call_soon_threadsafe(task.cancel)


def _raise_in(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))
