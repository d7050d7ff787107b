"""Answers that go on: how one ends that breaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from penstock.server.site import EVENTS, Stream, send_stream


async def broken() -> AsyncIterator[bytes]:
    yield b"one"
    raise ValueError("the database is gone")


@pytest.mark.parametrize(("media_type", "ends"), [(EVENTS, True), (b"text/plain", False)])
async def test_a_stream_that_breaks_is_logged_and_only_events_end_as_if_whole(
    media_type: bytes, ends: bool, caplog: pytest.LogCaptureFixture
) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await send_stream(Stream(broken(), [], media_type), asyncio.Event().wait(), send)  # type: ignore[arg-type]  # a reader who stays
    assert [one.get("body") for one in sent] == [None, b"one", *([b""] if ends else [])]
    assert "the database is gone" in caplog.text
