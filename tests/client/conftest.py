"""A server that answers what the test says, and a client of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from penstock.client.client import Client, Manners
from penstock.client.transport import HttpTransport

Answer = tuple[int, dict[str, str], Any]


class Script:
    """Answers in turn, and what was asked."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        script = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                lower = {name.lower(): value for name, value in self.headers.items()}
                script.asked.append((self.command, self.path, lower))
                status, headers, body = script.answers.pop(0)
                content = json.dumps(body).encode()
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PATCH = do

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/api"


@pytest.fixture
def script() -> Iterator[Script]:
    one = Script()
    thread = Thread(target=one.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield one
    one.server.shutdown()
    one.server.server_close()
    thread.join()


@pytest.fixture
def client(script: Script) -> Iterator[Client]:
    with Client(HttpTransport(script.url), Manners(max_retries=2)) as one:
        yield one
