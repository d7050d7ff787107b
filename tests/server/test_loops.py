"""Loops: a failing pass is tried again, a dead or hanging loop is a problem that the health page tells."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from penstock.clock import utc_now
from penstock.server.app import App
from penstock.server.broadcast import Broadcast
from penstock.server.loops import loop as module
from penstock.server.loops.loop import Loop, Loops, Report, Service, Tools
from penstock.settings import Settings
from penstock.store.sqlite import SqliteDatabase
from tests.server.conftest import ask

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def tools(tmp_path: Path) -> Tools:
    store = SqliteDatabase(tmp_path / "unused.db")
    return Tools(store, Broadcast(store), Settings())


async def test_a_nudge_brings_the_next_pass_at_once(tmp_path: Path) -> None:
    async def look(given: Tools, now: datetime) -> Report:
        assert now == NOW
        return Report(1)

    loop = Loop(Service("look", 3600, look), tools(tmp_path), lambda: NOW)
    first = asyncio.create_task(loop.passed())
    await asyncio.sleep(0)
    loop.start()
    await first
    again = asyncio.create_task(loop.passed())
    await asyncio.sleep(0)
    loop.nudge()
    await again
    await loop.stop()
    assert loop.passes == 2


async def test_a_pass_that_fails_is_logged_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "FIRST_PAUSE", 0.0)

    async def fail_twice(given: Tools, now: datetime) -> Report:
        if loop.passes < 2:
            raise ValueError("not yet")
        return Report()

    loop = Loop(Service("fail", 3600, fail_twice), tools(tmp_path), utc_now)
    done = asyncio.create_task(loop.passed(3))
    await asyncio.sleep(0)
    loop.start()
    await done
    assert (loop.problem, loop.failures) == (None, 0)
    assert [record.message for record in caplog.records] == ["a pass failed"] * 2
    await loop.stop()


async def test_a_pass_may_ask_for_the_next_one_sooner(tmp_path: Path) -> None:
    async def soon(given: Tools, now: datetime) -> Report:
        return Report(again_in=0.0)

    loop = Loop(Service("soon", 3600, soon), tools(tmp_path), utc_now)
    loop.start()
    await loop.passed(5)
    await loop.stop()


async def test_a_loop_that_died_makes_the_server_unhealthy(app: App) -> None:
    async def die(given: Tools, now: datetime) -> Report:
        raise asyncio.CancelledError

    assert (await ask(app, "GET", "/health")).json is True
    dying = Loop(Service("dying", 3600, die), app.loops.tools, utc_now)
    app.loops.loops["dying"] = dying
    dying.start()
    await dying.passed()
    await asyncio.sleep(0)
    for path in ("/health", "/ready"):
        heard = await ask(app, "GET", path)
        assert (heard.status, heard.json) == (503, {"exception_message": "the service dying has died"})


async def test_a_pass_that_hangs_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PASS_WITHIN", -1.0)
    hangs = asyncio.Event()

    async def hang(given: Tools, now: datetime) -> Report:
        hangs.set()
        await asyncio.Event().wait()
        return Report()

    loops = Loops([Service("hang", 3600, hang)], tools(tmp_path), utc_now)
    loops.start()
    await hangs.wait()
    assert loops.problems == ["the service hang hangs"]
    await loops.stop()
