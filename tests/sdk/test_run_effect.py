"""Time limits: in the main thread, in others, one inside of another."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.sdk.run_effect import Run, TimedOut, time_limit


def spin(seconds: float) -> str:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(0.001)
    return "done"


def test_what_is_in_time_is_left_alone() -> None:
    assert Run(spin, (0.01,), {}, 5).do() == "done"
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(Run(spin, (0.01,), {}, 5).do).result() == "done"


def test_a_waiting_call_is_interrupted_in_the_main_thread() -> None:
    with pytest.raises(TimedOut, match=r"longer than its 0\.02 s"):
        Run(threading.Event().wait, (10,), {}, 0.02).do()


def test_a_thread_is_interrupted_at_its_next_step() -> None:
    with ThreadPoolExecutor(1) as pool, pytest.raises(TimedOut, match="took longer"):
        pool.submit(Run(spin, (10,), {}, 0.02).do).result()


def test_an_inner_limit_leaves_the_outer_one_its_rest() -> None:
    def inner() -> None:
        with pytest.raises(TimedOut, match=r"0\.02 "), time_limit(0.02):
            spin(10)
        spin(10)

    with pytest.raises(TimedOut, match=r"0\.1 "):
        Run(inner, (), {}, 0.1).do()


def test_an_outer_limit_that_ends_sooner_ends_both() -> None:
    with pytest.raises(TimedOut, match=r"0\.02 "), time_limit(0.02), time_limit(5):
        spin(10)


async def test_a_timeout_of_the_users_own_is_not_ours() -> None:
    async def own() -> None:
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()

    with pytest.raises(TimeoutError) as caught:
        await Run(own, (), {}, 5).ado()
    assert not isinstance(caught.value, TimedOut)
    with pytest.raises(TimedOut):
        await Run(asyncio.Event().wait, (), {}, 0.01).ado()
