"""Transactions: tasks that count together or are taken back together."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest

from penstock import flow, task
from penstock.cache_policies import INPUTS
from penstock.client.client import Client
from penstock.sdk.results import ResultStore
from penstock.transactions import CommitMode, Transaction, atransaction, get_transaction, transaction
from penstock.wire.task_runs import TaskRun


class Told:
    """Tasks with hooks, and what was called in which order."""

    def __init__(self) -> None:
        self.calls: list[str] = []

        @task(
            cache_policy=INPUTS,
            persist_result=True,
            on_commit=[lambda _: self.calls.append("commit")],
            on_rollback=[lambda _: self.calls.append("rollback")],
        )
        def step(name: str) -> str:
            self.calls.append(name)
            return name

        self.step = step


@pytest.fixture
def told() -> Told:
    return Told()


def test_what_is_inside_commits_at_the_end_of_the_block(api: Client, told: Told) -> None:
    name = uuid.uuid4().hex

    @flow
    def loads() -> None:
        with transaction():
            told.step(name)
            told.calls.append("still inside")
        told.step(name)  # its result was kept

    loads()
    assert told.calls == [name, "still inside", "commit"]


def test_a_block_that_raises_takes_back_what_went_well_last_first(
    api: Client, tasks_of: Callable[[str], dict[str, TaskRun]]
) -> None:
    order: list[str] = []

    @task
    def write(path: str) -> None:
        transaction = get_transaction()
        assert transaction is not None
        transaction.set("path", path)

    @write.on_rollback
    def delete(transaction: Transaction) -> None:
        order.append(f"deleted {transaction.get('path')} of {transaction.get('owner')}")

    @task
    def check() -> None:
        raise ValueError("not right")

    @flow(flow_run_name="rolled-back")
    def loads() -> None:
        with transaction() as one:
            one.set("owner", "ada")
            write("a")
            write("b")
            check()

    with pytest.raises(ValueError, match="not right"):
        loads()
    assert order == ["deleted b of ada", "deleted a of ada"]
    assert tasks_of("rolled-back")["write"].state_name == "RolledBack"


def test_what_was_taken_back_is_not_in_the_cache(api: Client, told: Told) -> None:
    name = uuid.uuid4().hex

    @flow
    def loads(breaks: bool) -> None:
        with transaction():
            told.step(name)
            if breaks:
                raise ValueError("not right")

    with pytest.raises(ValueError, match="not right"):
        loads(True)
    loads(False)
    assert told.calls == [name, "rollback", name, "commit"]


def test_a_task_on_its_own_commits_at_once(api: Client, told: Told) -> None:
    @flow
    def alone() -> None:
        told.step(uuid.uuid4().hex)
        told.calls.append("after")

    alone()
    assert told.calls[1:] == ["commit", "after"]


def test_blocks_inside_of_blocks_and_submitted_tasks_belong_to_the_outermost(api: Client, told: Told) -> None:
    @flow
    def nests() -> None:
        with transaction():
            with transaction():
                told.step.submit("nested").wait()
            raise ValueError("too late")

    with pytest.raises(ValueError, match="too late"):
        nests()
    assert told.calls == ["nested", "rollback"]


def test_an_eager_block_does_not_wait_for_the_one_around_it(api: Client, told: Told) -> None:
    def nest() -> None:
        with transaction():
            with transaction(commit_mode=CommitMode.EAGER) as inner:
                told.step("eager")
            assert inner.is_committed()
            raise ValueError("outside")

    with pytest.raises(ValueError, match="outside"):
        nest()
    assert told.calls == ["eager", "commit"]


def test_a_key_keeps_what_was_staged(api: Client) -> None:
    key = uuid.uuid4().hex
    for attempt in (1, 2):
        with transaction(key=key) as one:
            assert one.is_committed() is (attempt == 2)
            one.stage({"rows": attempt})
    assert one.read() == {"rows": 1}
    with transaction(key=key, overwrite=True) as one:
        one.stage({"rows": 3})
    assert ResultStore().read(key) is not None
    assert one.read() == {"rows": 3}


def test_a_commit_hook_that_fails_rolls_back(api: Client) -> None:
    called: list[str] = []

    def breaks(_: Transaction) -> None:
        raise ValueError("no room")

    with transaction() as one:
        one.stage(1, on_commit_hooks=[breaks], on_rollback_hooks=[lambda _: called.append("rollback")])
    assert (one.is_rolled_back(), called) == (True, ["rollback"])


async def test_hooks_and_blocks_may_be_async(api: Client) -> None:
    called: list[str] = []

    @task
    async def step() -> None:
        called.append("step")

    @step.on_rollback
    async def undo(_: Transaction) -> None:
        called.append("undo")

    @flow
    async def loads() -> None:
        async with atransaction():
            await step()
            raise ValueError("not right")

    with pytest.raises(ValueError, match="not right"):
        await loads()
    assert called == ["step", "undo"]
