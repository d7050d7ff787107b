"""Submitted tasks run at once, where they are submitted: for debugging and for tests of flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from penstock.sdk.futures import PrefectFuture

if TYPE_CHECKING:
    from penstock.sdk.task_engine import TaskCall


class InlineTaskRunner:
    """One call at a time; the future is settled when `submit` returns."""

    def open(self) -> None:
        """There is nothing to prepare."""

    def submit(self, call: TaskCall) -> PrefectFuture[Any]:
        future: PrefectFuture[Any] = PrefectFuture(call.id, call.name)
        future.settle(call.run())
        return future

    def close(self, *, drop: bool = False) -> None:
        """There is nothing to wait for."""

    def duplicate(self) -> InlineTaskRunner:
        return InlineTaskRunner()
