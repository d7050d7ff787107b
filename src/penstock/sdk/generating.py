"""Flows and tasks that yield: their runs last while somebody iterates over them.

The steps of such a run hand each value out; between two of them the code that iterates runs as if it were
not inside of the run. Who asks for the state instead, or submits the task, gets the values as a list.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Callable, Generator
from typing import Any

from penstock.sdk.context import current_tags, flow_context, log_prints, task_context
from penstock.sdk.effects import Effect, Steps
from penstock.sdk.run_effect import Run, TimedOut, time_limit

END: Any = object()
_PLACES: tuple[Any, ...] = (flow_context, task_context, current_tags, log_prints)


class HandOut:
    """A value for who iterates; gives whether they want no more."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def do(self) -> bool:
        return True  # nobody iterates

    async def ado(self) -> bool:
        return True


class _Next:
    """The next value of the user's generator, `END` when there is none."""

    __slots__ = ("deadline", "source", "timeout")

    def __init__(self, source: Any, timeout: float | None, deadline: float | None) -> None:
        self.source = source
        self.timeout = timeout
        self.deadline = deadline

    def do(self) -> Any:
        left = self._left()
        if left is None:
            return next(self.source, END)
        with time_limit(left, said=self.timeout):
            return next(self.source, END)

    async def ado(self) -> Any:
        if not inspect.isasyncgen(self.source):
            return self.do()
        try:
            async with asyncio.timeout(self._left()):
                return await anext(self.source, END)
        except TimeoutError:
            if self.deadline is None or time.monotonic() < self.deadline:
                raise  # the user's own
            raise TimedOut(f"took longer than its {self.timeout:g} s") from None

    def _left(self) -> float | None:
        return None if self.deadline is None else max(0.001, self.deadline - time.monotonic())


class _Close:
    """Ends the user's generator where it stands."""

    __slots__ = ("source",)

    def __init__(self, source: Any) -> None:
        self.source = source

    def do(self) -> None:
        self.source.close()

    async def ado(self) -> None:
        if inspect.isasyncgen(self.source):
            await self.source.aclose()
        else:
            self.source.close()


def produce(run: Run) -> Steps[Any]:
    """Calls a generator function and hands its values out, until it or the one who iterates has had enough.

    Its own return value is not kept: None is the result.
    """
    source: Any = run.fn(*run.args, **run.kwargs)
    deadline = None if run.timeout is None else time.monotonic() + run.timeout
    try:
        while (value := (yield _Next(source, run.timeout, deadline))) is not END:
            if (yield HandOut(value)):
                break
    finally:
        yield _Close(source)
    return None


def handed_out(begin: Callable[[], Steps[Any]]) -> Generator[Any, None, Any]:
    """What the steps hand out, blocking for every other effect. The steps begin with the first value."""
    pump = _Pump(begin())
    while (effect := pump.advance()) is not None:
        with pump:
            if isinstance(effect, HandOut):
                yield effect.value
            else:
                pump.reply = effect.do()
    return pump.result


async def ahanded_out(begin: Callable[[], Steps[Any]]) -> AsyncIterator[Any]:
    """As `handed_out`, awaiting the other effects."""
    pump = _Pump(begin())
    while (effect := pump.advance()) is not None:
        with pump:
            if isinstance(effect, HandOut):
                yield effect.value
            else:
                pump.reply = await effect.ado()


class _Pump:
    """Takes steps from effect to effect. As a context it performs one: what that raises goes to the steps."""

    def __init__(self, steps: Steps[Any]) -> None:
        self.reply: Any = None
        self.result: Any = None
        self._steps = steps
        self._effect: Effect | None = None
        self._error: BaseException | None = None
        self._outside = _place()
        self._inside = self._outside

    def advance(self) -> Effect | None:
        """The next effect; None when the steps are over."""
        reply, error, self.reply, self._error = self.reply, self._error, None, None
        try:
            self._effect = self._steps.send(reply) if error is None else self._steps.throw(error)
        except StopIteration as stop:
            self._effect, self.result = None, stop.value
        return self._effect

    def __enter__(self) -> None:
        if isinstance(self._effect, HandOut):
            self._inside = _place()
            _go_to(self._outside)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if isinstance(self._effect, HandOut):
            self._outside = _place()
            _go_to(self._inside)
            if isinstance(error, GeneratorExit):  # thrown on, it would close the steps instead of ending the run
                self.reply = True
                return True
        self._error = error
        return True


def _place() -> list[Any]:
    """Which run the code that runs now is in."""
    return [variable.get() for variable in _PLACES]


def _go_to(place: list[Any]) -> None:
    for variable, value in zip(_PLACES, place, strict=True):
        variable.set(value)
