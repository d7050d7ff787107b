"""The health page answers what Prefect's does, and to nothing else."""

from __future__ import annotations

import asyncio

import pytest

from penstock.errors import SettingInvalid
from penstock.worker.health import serve_health


async def ask(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize(
    ("target", "healthy", "status", "said"),
    [
        ("/health", True, b"200", b'{"message":"OK"}'),
        ("/health?x=1", True, b"200", b"OK"),
        ("/health", False, b"503", b"Worker may be unresponsive at this time"),
        ("/other", True, b"404", b"Not Found"),
    ],
)
async def test_health(target: str, healthy: bool, status: bytes, said: bytes) -> None:
    server = await serve_health("127.0.0.1", 0, lambda: healthy)
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await ask(port, f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.split()[1] == status
    assert said in answer


async def test_figures_stand_beside_the_health_page() -> None:
    server = await serve_health("127.0.0.1", 0, lambda: True, lambda: "penstock_worker_jobs 3\n")
    async with server:
        port = server.sockets[0].getsockname()[1]
        answer = await ask(port, b"GET /metrics HTTP/1.1\r\n\r\n")
    assert b"text/plain; version=0.0.4" in answer
    assert answer.endswith(b"\r\n\r\npenstock_worker_jobs 3\n")


async def test_nonsense_harms_nothing() -> None:
    server = await serve_health("127.0.0.1", 0, lambda: True)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert b"404" in await ask(port, b"\r\n\r\n")
        await ask(port, b"x" * 20_000)
        assert b"200" in await ask(port, b"GET /health HTTP/1.1\r\n\r\n")


async def test_an_address_that_is_taken_is_named() -> None:
    taken = await serve_health("127.0.0.1", 0, lambda: True)
    port = taken.sockets[0].getsockname()[1]
    with pytest.raises(SettingInvalid, match=f"can't be served at 127.0.0.1:{port}"):
        await serve_health("127.0.0.1", port, lambda: True)
    taken.close()
