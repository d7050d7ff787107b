"""One implementation for those who block and those who await.

What runs a task or a flow, and every small call such as `Variable.get`, is a generator that yields
effects. `drive` performs each by blocking, `adrive` by awaiting; `dual` gives a generator both doors:

    @dual
    def get(name: str) -> Steps[str]:
        reply = yield Call(read_variable, path={"name": name})
        return reply.value

    get("region")                 # str
    await get.aio("region")       # the same, awaited
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from penstock.wire.endpoint import Endpoint

T = TypeVar("T")
P = ParamSpec("P")


class Effect(Protocol):
    """Something to be done outside the generator, in a blocking and in an awaiting way."""

    def do(self) -> Any: ...

    async def ado(self) -> Any: ...


Steps = Generator[Effect, Any, T]


def drive(steps: Steps[T]) -> T:
    """Performs the effects by blocking. What an effect raises is raised inside the generator."""
    send = steps.send
    try:
        effect = send(None)
        while True:
            try:
                value = effect.do()
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the generator returns is a T


async def adrive(steps: Steps[T]) -> T:
    """Performs the effects by awaiting. A cancellation is raised inside the generator too."""
    send = steps.send
    try:
        effect = send(None)
        while True:
            try:
                value = await effect.ado()
            except BaseException as error:
                effect = steps.throw(error)
            else:
                effect = send(value)
    except StopIteration as stop:
        return stop.value  # type: ignore[no-any-return]  # what the generator returns is a T


class dual(Generic[P, T]):
    """Two doors to a generator function: called it blocks, `aio` gives an awaitable."""

    def __init__(self, steps: Callable[P, Steps[T]]) -> None:
        self.steps = steps
        update_wrapper(self, steps)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        return drive(self.steps(*args, **kwargs))

    def aio(self, *args: P.args, **kwargs: P.kwargs) -> Awaitable[T]:
        """The same call, awaited."""
        return adrive(self.steps(*args, **kwargs))


class Call:
    """Asks the API; gives the endpoint's result."""

    __slots__ = ("body", "endpoint", "headers", "path", "query")

    def __init__(
        self,
        endpoint: Endpoint[Any, Any],
        body: Any = None,
        *,
        path: Mapping[str, Any] | None = None,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.body = body
        self.path = path or {}
        self.query = query
        self.headers = headers

    def do(self) -> Any:
        from penstock.sdk.session import session

        return session().client.call(self.endpoint, self.body, query=self.query, headers=self.headers, **self.path)

    async def ado(self) -> Any:
        from penstock.sdk.session import session

        return await session().async_client.call(
            self.endpoint, self.body, query=self.query, headers=self.headers, **self.path
        )


class Sleep:
    """Waits."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def do(self) -> None:
        time.sleep(self.seconds)

    async def ado(self) -> None:
        await asyncio.sleep(self.seconds)


class Blocking:
    """A call of ours that blocks for long (a lock, a flush): the awaiting driver gives it a thread."""

    __slots__ = ("work",)

    def __init__(self, work: Callable[[], Any]) -> None:
        self.work = work

    def do(self) -> Any:
        return self.work()

    async def ado(self) -> Any:
        return await asyncio.to_thread(self.work)
