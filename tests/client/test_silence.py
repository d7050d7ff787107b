"""Open connections that go silent, as a firewall makes them: nothing says so, but new ones work."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from penstock.client.client import Client, Manners
from penstock.client.transport import HttpTransport
from penstock.wire.admin import health

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\ntrue"
AT_ONCE = 4


class Silenced:
    """Answers the first requests together, each on a connection of its own, then only on new connections."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.all_here = threading.Barrier(AT_ONCE, timeout=30)
        self.accepted = 0
        self._kept: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self._kept.append(connection)
            self.accepted += 1
            threading.Thread(target=self._answer, args=(connection, self.accepted), daemon=True).start()

    def _answer(self, connection: socket.socket, number: int) -> None:
        connection.recv(4096)
        if number <= AT_ONCE:
            self.all_here.wait()
        connection.sendall(ANSWER)  # and never another time

    def close(self) -> None:
        for one in (self.listener, *self._kept):
            one.close()


@pytest.fixture
def silenced() -> Iterator[Silenced]:
    server = Silenced()
    yield server
    server.close()


def test_one_silent_connection_is_waited_for_and_the_others_are_not_tried(silenced: Silenced) -> None:
    port = silenced.listener.getsockname()[1]
    with Client(HttpTransport(f"http://127.0.0.1:{port}/api"), Manners(max_retries=1)) as client:
        with ThreadPoolExecutor(AT_ONCE) as threads:
            answers = [one.result(30) for one in [threads.submit(client.call, health) for _ in range(AT_ONCE)]]
        assert (len(answers), silenced.accepted) == (AT_ONCE, AT_ONCE)
        client.call(health, timeout=0.2)
    assert silenced.accepted == AT_ONCE + 1
