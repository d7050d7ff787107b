"""The health page: 200 while the worker's loop turns, 503 when it has not for a while. Beside it, its figures."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from penstock.errors import SettingInvalid

HEALTHY = b'{"message":"OK"}'
UNHEALTHY = b'{"message":"Worker may be unresponsive at this time"}'
UNKNOWN = b'{"detail":"Not Found"}'
MOST_HEAD_BYTES = 8192
PATIENCE_SECONDS = 5.0


async def serve_health(
    host: str, port: int, is_healthy: Callable[[], bool], metrics: Callable[[], str] = lambda: ""
) -> asyncio.Server:
    """Listens; bodies and codes are those of Prefect's worker. `SettingInvalid` when the address can't be had.

    `metrics` gives the text of a scrape, at `/metrics`.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_page(head, is_healthy, metrics))
            await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            return
        finally:
            writer.close()

    try:
        return await asyncio.start_server(answer, host, port, limit=MOST_HEAD_BYTES)
    except OSError as error:
        raise SettingInvalid(
            f"The health page can't be served at {host}:{port} ({error.strerror});"
            " PENSTOCK_WORKER_WEBSERVER_HOST and PENSTOCK_WORKER_WEBSERVER_PORT say where it is to be."
        ) from error


def _page(head: bytes, is_healthy: Callable[[], bool], metrics: Callable[[], str]) -> bytes:
    words = head.split(b"\r\n", 1)[0].split()
    target = words[1].split(b"?")[0] if len(words) > 1 else b""
    if words and words[0] == b"GET" and target == b"/metrics":
        return _response(b"200 OK", metrics().encode(), b"text/plain; version=0.0.4; charset=utf-8")
    if target not in (b"/health", b"/api/health") or words[0] not in (b"GET", b"HEAD"):
        return _response(b"404 Not Found", UNKNOWN)
    return _response(b"200 OK", HEALTHY) if is_healthy() else _response(b"503 Service Unavailable", UNHEALTHY)


def _response(status: bytes, body: bytes, kind: bytes = b"application/json") -> bytes:
    head = b"HTTP/1.1 %b\r\nContent-Type: %b\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    return head % (status, kind, len(body)) + body
