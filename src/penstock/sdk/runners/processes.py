"""Submitted tasks run in processes of their own: for work that keeps a core busy in Python."""

from __future__ import annotations

import multiprocessing
import pickle
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from penstock import settings as configuration
from penstock.errors import BadRequest
from penstock.sdk.futures import PrefectFuture
from penstock.sdk.run_effect import Run
from penstock.sdk.states import Crashed

if TYPE_CHECKING:
    from collections.abc import Callable

    from penstock.sdk.task_engine import TaskCall


DIRECTORS = 1000


class ProcessPoolTaskRunner:
    """Up to `max_workers` calls at once, each function in a process; its run is directed from here.

    Retries, caching, slots and reports stay in the flow's process; only the function and its arguments
    travel, so they must be picklable and the function importable.
    """

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = max_workers
        self._processes: ProcessPoolExecutor | None = None
        self._directors: ThreadPoolExecutor | None = None
        self._opening = threading.Lock()

    def open(self) -> None:
        """Processes are made when the first task is submitted."""

    def submit(self, call: TaskCall) -> PrefectFuture[Any]:
        future: PrefectFuture[Any] = PrefectFuture(call.id, call.name)
        processes, directors = self._executors()
        call.elsewhere = lambda run: _Elsewhere(run, processes)
        begun = directors.submit(_direct, call, future)
        begun.add_done_callback(lambda done: future.settle(call.drop()) if done.cancelled() else None)
        return future

    def close(self, *, drop: bool = False) -> None:
        if self._directors is not None and self._processes is not None:
            self._directors.shutdown(wait=True, cancel_futures=drop)
            self._processes.shutdown(wait=True)
            self._directors = self._processes = None

    def duplicate(self) -> ProcessPoolTaskRunner:
        return ProcessPoolTaskRunner(self.max_workers)

    def _executors(self) -> tuple[ProcessPoolExecutor, ThreadPoolExecutor]:
        with self._opening:
            if self._processes is None or self._directors is None:
                chosen = configuration.current().tasks.runner.process_pool_max_workers
                # Spawned, not forked: this process has threads, whose locks a fork would copy as they stand.
                context = multiprocessing.get_context("spawn")
                self._processes = ProcessPoolExecutor(self.max_workers or chosen, mp_context=context)
                self._directors = ThreadPoolExecutor(DIRECTORS, thread_name_prefix="penstock-process-task")
            return self._processes, self._directors


class _Elsewhere:
    """The effect that calls the function in another process."""

    def __init__(self, run: Run, processes: ProcessPoolExecutor) -> None:
        self._run = run
        self._processes = processes

    def do(self) -> Any:
        name = f"{self._run.fn.__module__}:{self._run.fn.__qualname__}"
        try:
            arguments = pickle.dumps((self._run.args, self._run.kwargs))
        except Exception as error:
            raise BadRequest(f"The arguments of {name} can't be sent to another process: {error}") from error
        done: Future[Any] = self._processes.submit(_call, name, arguments, self._run.timeout)
        return done.result()

    async def ado(self) -> Any:
        return self.do()


def _call(name: str, arguments: bytes, timeout: float | None) -> Any:
    """In the other process: finds the function behind its task and calls it."""
    import importlib

    module, _, path = name.partition(":")
    found: Any = importlib.import_module(module)
    for part in path.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = getattr(found, "fn", found)
    args, kwargs = pickle.loads(arguments)
    return Run(function, args, kwargs, timeout).do()


def _direct(call: TaskCall, future: PrefectFuture[Any]) -> None:
    try:
        future.settle(call.run())
    except BaseException as error:
        future.settle(Crashed(f"{type(error).__name__}: {error}", data=error))
