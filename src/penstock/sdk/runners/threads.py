"""Submitted tasks run in threads of this process; the default."""

from __future__ import annotations

import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from penstock import settings as configuration
from penstock.sdk.futures import PrefectFuture
from penstock.sdk.states import Crashed

if TYPE_CHECKING:
    from penstock.sdk.task_engine import TaskCall

DEFAULT_THREADS = 1000
"""A bound, not a size: threads are made when none is idle. Tasks that wait for tasks of theirs hold one each."""


class ThreadPoolTaskRunner:
    """Up to `max_workers` calls at once. A waiting call holds a thread, so be generous."""

    def __init__(self, max_workers: int | None = None) -> None:
        self.max_workers = max_workers
        self._pool: ThreadPoolExecutor | None = None
        self._opening = threading.Lock()

    def open(self) -> None:
        """Threads are made when the first task is submitted, so there is nothing to do yet."""

    def submit(self, call: TaskCall) -> PrefectFuture[Any]:
        future: PrefectFuture[Any] = PrefectFuture(call.id, call.name)
        context = contextvars.copy_context()
        begun = self._executor().submit(context.run, _work, call, future)
        begun.add_done_callback(lambda done: future.settle(call.drop()) if done.cancelled() else None)
        return future

    def close(self, *, drop: bool = False) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=drop)
            self._pool = None

    def duplicate(self) -> ThreadPoolTaskRunner:
        return ThreadPoolTaskRunner(self.max_workers)

    def _executor(self) -> ThreadPoolExecutor:
        if self._pool is None:
            with self._opening:
                if self._pool is None:
                    chosen = configuration.current().tasks.runner.thread_pool_max_workers
                    self._pool = ThreadPoolExecutor(
                        self.max_workers or chosen or DEFAULT_THREADS, thread_name_prefix="penstock-task"
                    )
        return self._pool


def _work(call: TaskCall, future: PrefectFuture[Any]) -> None:
    try:
        future.settle(call.run())
    except BaseException as error:
        future.settle(Crashed(f"{type(error).__name__}: {error}", data=error))
