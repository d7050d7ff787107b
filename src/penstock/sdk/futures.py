"""Futures: task runs that were submitted, and how to wait for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, NamedTuple, TypeVar
from uuid import UUID

from penstock.sdk.states import Pending, State

R = TypeVar("R")


class PrefectFuture(Generic[R]):
    """A task run that was submitted and whose result is there later."""

    def __init__(self, task_run_id: UUID, name: str = "") -> None:
        self.task_run_id = task_run_id
        self.name = name
        self._state: State = Pending()
        self._done = threading.Event()
        self._callbacks: list[Callable[[PrefectFuture[R]], None]] = []
        self._guard = threading.Lock()

    @property
    def state(self) -> State:
        """The run's state now."""
        return self._state

    def wait(self, timeout: float | None = None) -> None:
        """Blocks until the run is over, or the time is."""
        self._done.wait(timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> R:
        """What the task returned; raises what it raised. TimeoutError when it is not there in time."""
        if not self._done.wait(timeout):
            raise TimeoutError(f"Task run {self.name!r} did not end within {timeout} seconds.")
        return self._state.result(raise_on_failure)  # type: ignore[no-any-return]  # the task returned an R

    def add_done_callback(self, fn: Callable[[PrefectFuture[R]], None]) -> None:
        """Calls the function with this future once the run is over, at once when it is already."""
        with self._guard:
            if not self._done.is_set():
                self._callbacks.append(fn)
                return
        fn(self)

    def settle(self, state: State) -> None:
        """Ends the wait. Only the task runner calls this."""
        with self._guard:
            self._state = state
            self._done.set()
            waiting, self._callbacks = self._callbacks, []
        for callback in waiting:
            callback(self)

    def __repr__(self) -> str:
        return f"<future of {self.name or self.task_run_id}: {self._state!r}>"


class PrefectFutureList(list[PrefectFuture[R]]):
    """The futures of a map."""

    def wait(self, timeout: float | None = None) -> None:
        """Blocks until all are over, or the time is."""
        wait(self, timeout)

    def result(self, timeout: float | None = None, raise_on_failure: bool = True) -> list[R]:
        """Every result in order."""
        until = None if timeout is None else time.monotonic() + timeout
        return [future.result(_left(until), raise_on_failure) for future in self]


class DoneAndNotDoneFutures(NamedTuple):
    """What `wait` gives."""

    done: set[PrefectFuture[Any]]
    not_done: set[PrefectFuture[Any]]


def wait(futures: Iterable[PrefectFuture[Any]], timeout: float | None = None) -> DoneAndNotDoneFutures:
    """Waits for all of them, at most so many seconds."""
    every = list(futures)
    until = None if timeout is None else time.monotonic() + timeout
    for future in every:
        future.wait(_left(until))
    done = {future for future in every if future._done.is_set()}
    return DoneAndNotDoneFutures(done, set(every) - done)


def as_completed(futures: Iterable[PrefectFuture[R]], timeout: float | None = None) -> Iterator[PrefectFuture[R]]:
    """Each future as it ends. TimeoutError when they have not all ended in time."""
    every = list(futures)
    until = None if timeout is None else time.monotonic() + timeout
    ended: list[PrefectFuture[R]] = []
    news = threading.Semaphore(0)

    def note(future: PrefectFuture[R]) -> None:
        ended.append(future)
        news.release()

    for future in every:
        future.add_done_callback(note)
    for place in range(len(every)):
        if not news.acquire(timeout=_left(until)):
            raise TimeoutError(f"{len(every) - place} of {len(every)} futures have not ended.")
        yield ended[place]


def resolve_futures_to_states(value: Any) -> Any:
    """The value with each future in it replaced by the state it ends in."""
    from penstock.sdk.task_inputs import visit

    def settle(item: Any) -> Any:
        item.wait()
        return item.state

    return visit(value, lambda item: settle(item) if isinstance(item, PrefectFuture) else item)


def _left(until: float | None) -> float | None:
    return None if until is None else max(0.0, until - time.monotonic())
