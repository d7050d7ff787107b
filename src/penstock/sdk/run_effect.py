"""The effect that runs the user's function: sync or async, with a time limit that really ends it."""

from __future__ import annotations

import asyncio
import ctypes
import inspect
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from penstock.errors import PenstockError
from penstock.sdk.signatures import is_async


class TimedOut(PenstockError, TimeoutError):
    """The time limit was exceeded."""

    code = "timed_out"


class Run:
    """Calls the function; an async one is awaited, or given a loop of its own by the blocking driver.

    What a generator function yields is gathered in a list.
    """

    __slots__ = ("args", "fn", "kwargs", "timeout")

    def __init__(self, fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], timeout: float | None):
        self.fn = fn
        self.args = args
        self.kwargs = kwargs
        self.timeout = timeout

    def do(self) -> Any:
        if is_async(self.fn):
            return asyncio.run(self.ado())
        if self.timeout is None:
            return self._called()
        with time_limit(self.timeout):
            return self._called()

    async def ado(self) -> Any:
        if not is_async(self.fn):
            return self.do()
        if self.timeout is None:
            return await self._awaited()
        limit = asyncio.timeout(self.timeout)
        try:
            async with limit:
                return await self._awaited()
        except TimeoutError:
            if not limit.expired():
                raise  # the user's own
            raise _exceeded(self.timeout) from None

    def _called(self) -> Any:
        value = self.fn(*self.args, **self.kwargs)
        return list(value) if inspect.isgenerator(value) and inspect.isgeneratorfunction(self.fn) else value

    async def _awaited(self) -> Any:
        value = self.fn(*self.args, **self.kwargs)
        return [item async for item in value] if inspect.isasyncgen(value) else await value


@contextmanager
def time_limit(seconds: float, *, said: float | None = None) -> Iterator[None]:
    """Raises `TimedOut` in the block when it takes longer; with `said`, that is the limit it tells of.

    In the main thread a signal interrupts even a waiting call; in others the exception is raised at the
    next step of Python code, which a long call into C delays.
    """
    if threading.current_thread() is threading.main_thread():
        with _by_alarm(seconds, said or seconds):
            yield
    else:
        with _by_exception(seconds, said or seconds):
            yield


@contextmanager
def _by_alarm(seconds: float, said: float) -> Iterator[None]:
    """There is one alarm in a process: an outer limit that ends sooner keeps it, and gets its rest back."""
    begun = time.monotonic()
    outer = signal.getitimer(signal.ITIMER_REAL)[0]
    if outer and outer <= seconds:
        yield
        return

    def ring(*_: object) -> None:
        raise _exceeded(said)

    former = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, former)
        if outer:
            signal.setitimer(signal.ITIMER_REAL, max(outer - (time.monotonic() - begun), 1e-4))


@contextmanager
def _by_exception(seconds: float, said: float) -> Iterator[None]:
    thread = ctypes.c_ulong(threading.get_ident())
    done = threading.Lock()

    def ring() -> None:
        if done.acquire(blocking=False):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(TimedOut))

    timer = threading.Timer(seconds, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    except TimedOut:
        raise _exceeded(said) from None
    finally:
        done.acquire(blocking=False)  # from here on the timer comes too late
        timer.cancel()


def _exceeded(seconds: float) -> TimedOut:
    return TimedOut(f"took longer than its {seconds:g} s")
