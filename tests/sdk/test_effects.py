"""The two drivers do the same with the same steps."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from penstock.sdk.effects import Blocking, Sleep, Steps, adrive, drive, dual

Drive = Callable[[Any], Any]


@pytest.fixture(params=["blocking", "awaiting"])
def driven(request: pytest.FixtureRequest) -> Drive:
    if request.param == "blocking":
        return drive
    return lambda steps: asyncio.run(adrive(steps))


def test_values_go_in_and_a_value_comes_out(driven: Drive) -> None:
    def steps() -> Steps[int]:
        yield Sleep(0)
        first = yield Blocking(lambda: 20)
        return first + (yield Blocking(lambda: 22))  # type: ignore[no-any-return]  # a Blocking gives what it did

    assert driven(steps()) == 42


def test_what_an_effect_raises_is_raised_inside(driven: Drive) -> None:
    seen: list[str] = []

    def fail() -> None:
        raise KeyError("k")

    def steps() -> Steps[str]:
        try:
            yield Blocking(fail)
        except KeyError:
            seen.append("caught")
        finally:
            yield Blocking(lambda: seen.append("cleaned"))
        return "went on"

    assert driven(steps()) == "went on"
    assert seen == ["caught", "cleaned"]


async def test_a_cancellation_is_raised_inside_too() -> None:
    begun = asyncio.Event()
    seen: list[str] = []

    class Forever:
        def do(self) -> None: ...

        async def ado(self) -> None:
            begun.set()
            await asyncio.Event().wait()

    def steps() -> Steps[None]:
        try:
            yield Forever()
        except asyncio.CancelledError:
            seen.append("cancelled")
            raise

    task = asyncio.create_task(adrive(steps()))
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["cancelled"]


async def test_dual_gives_both_doors() -> None:
    @dual
    def double(x: int) -> Steps[int]:
        """Twice."""
        yield Sleep(0)
        return x * 2

    assert double(2) == 4
    assert await double.aio(3) == 6
    assert double.__doc__ == "Twice."
