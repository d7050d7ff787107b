"""What closing a client does to a request that is on its way."""

from __future__ import annotations

import socket
import threading

import pytest

from penstock.client.client import Client
from penstock.client.transport import HttpTransport
from penstock.errors import ServerUnreachable
from penstock.wire.admin import health


def test_a_request_on_its_way_ends_when_its_client_is_closed_and_is_not_sent_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = Client(HttpTransport(f"http://127.0.0.1:{listener.getsockname()[1]}/api"))
        failures: list[BaseException] = []

        def ask() -> None:
            with pytest.raises(ServerUnreachable) as caught:
                client.call(health)
            failures.append(caught.value)

        asking = threading.Thread(target=ask)
        asking.start()
        connection, _ = listener.accept()
        connection.recv(4096)  # the request is here, and never answered
        client.close()
        asking.join(60)
        connection.close()
        listener.settimeout(0.2)
        with pytest.raises(TimeoutError):
            listener.accept()
    assert len(failures) == 1
