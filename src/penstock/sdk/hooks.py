"""State hooks: the user's functions that are told when a run enters a state."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

from penstock.sdk.effects import Steps
from penstock.sdk.loggers import get_run_logger
from penstock.sdk.run_effect import Run
from penstock.sdk.states import State


def call_hooks(hooks: Sequence[Any], what: Any, run: Any, state: State) -> Steps[None]:
    """Calls each with the task or flow, its run and the state. A hook that raises is logged, no more."""
    for hook in hooks:
        try:
            value = yield Run(hook, (what, run, state), {}, None)
            if inspect.isawaitable(value):
                yield _Await(value)
        except Exception as error:
            name = getattr(hook, "__name__", hook)
            get_run_logger().error("The hook %r failed with %s: %s", name, type(error).__name__, error)


class _Await:
    """Awaits what a plain function gave (a `functools.partial` of an async one, say)."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def do(self) -> Any:
        import asyncio

        async def wait() -> Any:
            return await self.value

        return asyncio.run(wait())

    async def ado(self) -> Any:
        return await self.value
