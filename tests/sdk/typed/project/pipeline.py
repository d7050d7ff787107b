"""A typed project, as its author's type checker reads it. It is checked, not run."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, assert_type

from penstock import State, allow_failure, flow, get_run_logger, task, unmapped
from penstock.artifacts import create_markdown_artifact
from penstock.concurrency.sync import concurrency
from penstock.futures import PrefectFuture, PrefectFutureList, as_completed, wait
from penstock.states import Completed


@task
def double(x: int) -> int:
    return 2 * x


@task(retries=2, retry_delay_seconds=[1, 10], tags=["io"], log_prints=True)
async def fetch(url: str, size: float = 1.0) -> bytes:
    return url.encode()


@task
def count(end: int) -> Generator[int, None, None]:
    yield from range(end)


class Shop:
    @task
    def price(self, amount: float) -> str:
        return f"{amount:.2f}"


@flow(name="calls", retries=1, timeout_seconds=60)
def calls(start: int, name: str = "x") -> str:
    assert_type(double(start), int)
    assert_type(double(start, return_state=True), State)
    assert_type(double(start, wait_for=[1]), int)
    future = double.submit(start)
    assert_type(future, PrefectFuture[int])
    assert_type(future.result(), int)
    assert_type(double.submit(future).result(timeout=3), int)
    assert_type(double.with_options(name="other")(2), int)
    futures = double.map([1, 2], wait_for=[future])
    assert_type(futures, PrefectFutureList[int])
    assert_type(futures.result(), list[int])
    assert_type(double.map(unmapped(2)).result(), list[int])
    assert_type([found.result() for found in as_completed(futures)], list[int])
    assert_type(wait(futures).done, set[PrefectFuture[Any]])
    assert_type(fetch.submit("a").result(), bytes)
    assert_type(Shop().price(2.0), str)
    assert_type(Shop().price.submit(2.0).result(), str)
    assert_type([number + 1 for number in count(3)], list[int])
    with concurrency("db"):
        get_run_logger().info("inside")
    create_markdown_artifact("# done", key="done")
    double.submit(allow_failure(future))
    return name


@flow
async def awaits(url: str) -> bytes:
    assert_type(await fetch(url, size=2), bytes)
    return await fetch(url)


@flow
def skips() -> State:
    return Completed(message="nothing to do")


@calls.on_failure
def alarm(what: Any, run: Any, state: Any) -> None:
    """Tells somebody."""


async def main() -> None:
    assert_type(calls(1), str)
    assert_type(calls(1, return_state=True), State)
    assert_type(await awaits("a"), bytes)
    assert_type(skips(), State)
