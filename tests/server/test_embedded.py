"""The server inside a process: a transport without a network, safe from many threads."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.assemble import embedded
from penstock.errors import PenstockError, ServerUnreachable
from penstock.server.embedded import EmbeddedServer
from tests.server.conftest import settings_in


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    one = embedded(settings_in(tmp_path))
    yield one
    one.close()


def test_requests_go_through_the_application(server: EmbeddedServer) -> None:
    health = server.request("GET", "/health", None, {}, 5)
    assert (health.status, health.body, health.headers["content-type"]) == (200, b"true", "application/json")
    assert server.request("GET", "/csrf-token?client=a", None, {"User-Agent": "x"}, 5).status == 422
    assert server.request("GET", "/nowhere", None, {}, 5).status == 404


def test_many_threads_may_ask_at_once(server: EmbeddedServer) -> None:
    def write(number: int) -> int:
        body = b'{"name": "v%d", "value": 1}' % number
        return server.request("POST", "/variables/", body, {}, 10).status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(200))) == {201}
    assert server.request("POST", "/variables/count", b"", {}, 5).body == b"200"


def test_a_closed_one_does_not_answer(server: EmbeddedServer) -> None:
    server.close()
    server.close()
    with pytest.raises(ServerUnreachable):
        server.request("GET", "/health", None, {}, 5)


def test_what_keeps_it_from_starting_is_raised(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    settings = settings_in(tmp_path, SERVER_DATABASE_CONNECTION_URL=f"sqlite:///{tmp_path}/file/x.db")
    with pytest.raises(PenstockError, match="Can't open the database"):
        embedded(settings)
