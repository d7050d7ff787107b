"""Bodies: what is too large is refused before it is held or parsed, and the connection stays usable where it can."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.server.conftest import Reachable, ask, reachable, running, settings_in


async def raw(server: Reachable, request: bytes) -> bytes:
    """Sends bytes and gives all that comes back until the server closes or has answered."""
    host, _, port = server.host.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    body = await reader.readexactly(length)
    writer.close()
    return head + body


async def test_a_body_over_the_limit_is_refused_by_its_length(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path, SERVER_API_MAX_BODY_SIZE="1000")) as server:
        heard = await raw(
            server, b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\nExpect: nothing\r\n\r\n{"
        )
        assert heard.startswith(b"HTTP/1.1 413")
        assert b'{"detail":"The request body is over the limit of 1000 bytes."}' in heard


async def test_a_body_over_the_limit_is_refused_while_it_comes_in_pieces(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path, SERVER_API_MAX_BODY_SIZE="1000")) as server:
        pieces = b"".join(b"190\r\n" + b" " * 400 + b"\r\n" for _ in range(3))
        heard = await raw(
            server, b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + pieces
        )
        assert heard.startswith(b"HTTP/1.1 413")


async def test_a_body_over_the_limit_is_refused_in_one_piece_without_a_length(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path, SERVER_API_MAX_BODY_SIZE="1000")) as server:
        piece = b"7d0\r\n" + b" " * 2000 + b"\r\n0\r\n\r\n"
        heard = await raw(server, b"POST /api/flows/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + piece)
        assert heard.startswith(b"HTTP/1.1 413")


async def test_a_body_at_the_limit_is_taken(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, SERVER_API_MAX_BODY_SIZE="30")) as app:
        assert (await ask(app, "POST", "/flows/filter", b'{"limit": 1}' + b" " * 18)).status == 200
        assert (await ask(app, "POST", "/flows/filter", b'{"limit": 1}' + b" " * 19)).status == 413


async def test_what_is_no_http_is_answered_and_the_server_lives(server: Reachable) -> None:
    host, _, port = server.host.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"\x16\x03\x01\x00 not http\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 400")
    writer.close()
    heard = await raw(server, b"GET /api/health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert heard.endswith(b"true")


async def test_pages_outside_the_api(server: Reachable) -> None:
    assert b"Penstock" in await raw(server, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b'"flags":[]' in await raw(server, b"GET /ui-settings HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await raw(server, b"GET /other HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 404")
    assert (await raw(server, b"GET /apix/health HTTP/1.1\r\nHost: x\r\n\r\n")).startswith(b"HTTP/1.1 404")
