"""What tests of the dashboard share: visits without a network, and a server with a day's runs."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from penstock.server.app import App
from tests.server.conftest import AUTH, running, settings_in


@dataclass(frozen=True)
class Shown:
    """A page as a browser gets it; of repeated headers the last."""

    status: int
    headers: dict[str, str]
    text: str


@dataclass
class Browser:
    """Visits an application's pages and keeps their cookies, as a browser of the same origin does."""

    app: App
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Shown:
        return await self.visit("GET", path, b"", {"sec-fetch-site": "same-origin", **headers})

    async def post(self, path: str, fields: dict[str, Any] | None = None, **headers: str) -> Shown:
        """Sends a form with the token that pages give their forms."""
        if "penstock_form" not in self.cookies:
            await self.get("/sign-in")
            await self.get("/nowhere")
        sent = {"token": self.cookies["penstock_form"], **(fields or {})}
        return await self.visit(
            "POST", path, urlencode(sent, doseq=True).encode(), {"sec-fetch-site": "same-origin", **headers}
        )

    async def visit(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Shown:
        where, _, query = path.partition("?")
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {"host": "penstock.test", "cookie": cookie, "content-length": str(len(body)), **headers}
        scope = {
            "type": "http",
            "method": method,
            "path": where,
            "raw_path": where.encode(),
            "query_string": query.encode(),
            "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in given.items() if value],
        }
        sent: list[Any] = []

        parts = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            return parts.pop() if parts else await asyncio.Event().wait()  # type: ignore[return-value]  # it stays here

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        for name, value in sent[0]["headers"]:
            if name == b"set-cookie":
                for cookie_name, morsel in SimpleCookie(value.decode()).items():
                    self.cookies[cookie_name] = morsel.value
        answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        whole = b"".join(part["body"] for part in sent[1:])
        if answered.get("content-encoding") == "gzip":
            whole = gzip.decompress(whole)
        return Shown(sent[0]["status"], answered, whole.decode())


def text_of(page: Shown) -> str:
    """What a reader sees, roughly: the page without its tags."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", page.text))


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser at a server without credentials, and without anything in it."""
    async with running(settings_in(tmp_path)) as app:
        yield Browser(app)


@pytest.fixture
async def stranger(tmp_path: Path) -> AsyncIterator[Browser]:
    """A browser that has not signed in at a server that asks for it."""
    async with running(settings_in(tmp_path, SERVER_API_AUTH_STRING=AUTH)) as app:
        yield Browser(app)
