"""The seam of task runners: where submitted tasks run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from penstock.sdk.futures import PrefectFuture
    from penstock.sdk.task_engine import TaskCall


class TaskRunner(Protocol):
    """Runs calls of tasks beside the flow.

    A flow opens its runner when it starts (`open`), from one thread; `submit` may come from any thread and
    does not wait for the call; the future is settled exactly once, with the state the call ended in, also
    when the runner itself fails. `close` waits for the calls; with `drop` those that have not begun are
    cancelled instead. A closed runner can be opened again.
    """

    def open(self) -> None: ...

    def submit(self, call: TaskCall) -> PrefectFuture[Any]: ...

    def close(self, *, drop: bool = False) -> None: ...

    def duplicate(self) -> TaskRunner:
        """An unopened one of the same kind: each flow run has its own."""
        ...
