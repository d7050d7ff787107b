"""Pages and static files are small on the way to who can unpack them, and the same to everybody."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.ui.conftest import Browser
from tests.ui.lifelike import Day


async def test_a_page_comes_packed_to_who_unpacks_it(browser: Browser) -> None:
    day = Day(browser.app)
    await day.pool("warehouse", "process")
    await day.deployment("daily-sales", "prod", "warehouse")
    for _ in range(20):
        await day.run("daily-sales/prod", timedelta(minutes=9), "COMPLETED")
    plain = await browser.get("/runs", accept_encoding="identity")
    small = await browser.get("/runs", accept_encoding="br, gzip;q=0.8")
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) * 4 < int(plain.headers["content-length"])
    assert small.text.count("<tr") == plain.text.count("<tr") == 21


async def test_static_files_come_packed_and_whole(browser: Browser) -> None:
    page = await browser.get("/")
    files = sorted(set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text)))
    assert len(files) >= 4
    for path in files:
        plain, small = await browser.get(path), await browser.get(path, accept_encoding="gzip")
        assert small.text == plain.text, path
        assert plain.headers["vary"] == small.headers["vary"] == "accept-encoding"
        if len(plain.text) > 1_000:
            assert int(small.headers["content-length"]) * 2 < int(plain.headers["content-length"]), path


@pytest.mark.parametrize("asked", ["", "identity", "br", "gzip;q=0", "gzip; q=0.0", "x-gzip"])
async def test_who_can_not_unpack_gets_plain_answers(browser: Browser, asked: str) -> None:
    assert "content-encoding" not in (await browser.get("/sign-in", accept_encoding=asked)).headers
    page = await browser.get("/", accept_encoding=asked)
    assert len(page.text) > 1_000
    assert "content-encoding" not in page.headers
