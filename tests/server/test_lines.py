"""Lines: a hint has one look, who leaves while it looks calls the next, and no wake-up is lost with who was called."""

from __future__ import annotations

import asyncio

from penstock.server import lines as module
from penstock.server.lines import Lines
from tests.server.conftest import until

TOPIC = ("pool",)


class Waiters:
    """Waiters in the order of their names; `looked` says who looked, and each takes what is left of `due`."""

    def __init__(self, due: int = 0) -> None:
        self.lines = Lines()
        self.due = due
        self.looked: list[str] = []
        self.took: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}

    async def join(self, *names: str, kind: str = "") -> None:
        for name in names:
            self.tasks[name] = asyncio.create_task(self.wait(name, kind))
            await asyncio.sleep(0)

    async def wait(self, name: str, kind: str) -> None:
        with self.lines.place(TOPIC, kind, own=name) as place:
            while True:
                seen = place.hints
                self.looked.append(name)
                if self.due:
                    self.due -= 1
                    self.took.append(name)
                    return
                if not await place.rest(60, seen):
                    return

    def make(self, runs: int = 1) -> None:
        self.due += runs
        self.lines.hint("pool")

    async def resting(self, number: int) -> None:
        await until(lambda: self.lines.waiting == number)
        self.looked.clear()

    async def end(self) -> None:
        for task in self.tasks.values():
            task.cancel()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)
        assert not self.lines._lines
        assert not self.lines._by_topic
        assert not self.lines._own


async def test_one_run_is_looked_for_by_the_first_and_by_who_comes_after_it() -> None:
    waiters = Waiters()
    await waiters.join(*"abcdefgh")
    await waiters.resting(8)
    waiters.make()
    await waiters.tasks["a"]
    await until(lambda: len(waiters.looked) == 2)
    assert (waiters.took, waiters.looked) == (["a"], ["a", "b"])
    await waiters.end()


async def test_several_runs_go_to_as_many_in_the_order_in_which_they_came() -> None:
    waiters = Waiters()
    await waiters.join(*"abcdefgh")
    await waiters.resting(8)
    waiters.make(3)
    await asyncio.gather(*(waiters.tasks[name] for name in "abc"))
    await until(lambda: waiters.lines.waiting == 5)
    assert waiters.took == ["a", "b", "c"]
    assert waiters.looked == ["a", "b", "c", "d"]
    await waiters.end()


async def test_who_found_nothing_keeps_its_place() -> None:
    waiters = Waiters()
    await waiters.join(*"ab")
    await waiters.resting(2)
    waiters.make(0)
    await until(lambda: waiters.lines.waiting == 2)
    waiters.make()
    await waiters.tasks["a"]
    assert waiters.took == ["a"]
    await waiters.end()


async def test_a_hint_for_who_is_gone_reaches_the_next() -> None:
    waiters = Waiters()
    await waiters.join(*"ab")
    await waiters.resting(2)
    waiters.make()
    waiters.tasks["a"].cancel()
    await waiters.tasks["b"]
    assert waiters.took == ["b"]
    await waiters.end()


async def test_a_hint_during_a_look_is_not_missed() -> None:
    lines = Lines()
    with lines.place(TOPIC, None) as place:
        seen = place.hints
        lines.hint("pool")
        assert await place.rest(60, seen)


async def test_those_who_ask_for_something_else_look_too() -> None:
    waiters = Waiters()
    await waiters.join("a", "b", kind="one queue")
    await waiters.join("c", "d", kind="another")
    await waiters.resting(4)
    waiters.make(0)
    await until(lambda: len(waiters.looked) == 2)
    assert waiters.looked == ["a", "c"]
    await waiters.end()


async def test_a_call_for_one_alone_disturbs_no_other_for_long() -> None:
    waiters = Waiters()
    await waiters.join(*"abc")
    await waiters.resting(3)
    waiters.lines.hint("c")
    await until(lambda: waiters.lines.waiting == 3)
    assert waiters.looked == ["c"]
    await waiters.end()


async def test_a_line_looks_when_the_next_run_is_due_and_after_a_rest_in_any_case() -> None:
    waiters = Waiters()
    await waiters.join(*"ab")
    await waiters.resting(2)
    (line,) = waiters.lines._lines.values()
    assert line._timer is not None
    assert line._timer.when() - asyncio.get_running_loop().time() <= module.REST
    line.look_within(0.01)
    line.look_within(3)
    await until(lambda: waiters.looked == ["a"])
    await waiters.end()


async def test_a_stop_ends_every_rest() -> None:
    waiters = Waiters()
    await waiters.join(*"abc")
    await waiters.resting(3)
    waiters.lines.stop()
    await asyncio.gather(*waiters.tasks.values())
    with waiters.lines.place(TOPIC, None) as place:
        assert not await place.rest(60, place.hints)
    await waiters.end()
