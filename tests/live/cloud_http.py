"""A cloud on this machine: a server that answers as the double on it says, and fails when a test wants it to."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

Data = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    text: str

    @property
    def body(self) -> Data:
        return dict(json.loads(self.text)) if self.text else {}


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int
    body: Data = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    """The request is not one that the cloud would take; its double says why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class Fault:
    """What goes wrong with the next request whose `METHOD path` has this in it. Status 0 cuts the connection."""

    match: str
    status: int
    carried_out: bool = False
    """Whether what was asked for was done all the same, and only its answer was lost."""


class Double(Protocol):
    """What a cloud's double gives to its server."""

    faults: list[Fault]
    asked: list[Asked]
    lock: threading.Lock

    def answer(self, asked: Asked) -> Reply:
        """The answer; `Refused` for what the cloud would not take."""
        ...

    def error(self, status: int, message: str) -> Data:
        """An error as the cloud writes it."""
        ...


@contextmanager
def served(double: Double, certificate: tuple[str, str] | None = None) -> Iterator[str]:
    """The address of a server that answers for the double, with TLS if there is a certificate and its key."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(double))
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def _handler(double: Double) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def respond(self) -> None:
            asked = self.read()
            reply = _reply(double, asked)
            if reply is None:
                self.close_connection = True
                return
            body = json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = respond

        def read(self) -> Asked:
            parts = urlsplit(self.path)
            text = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            return Asked(self.command, parts.path, query, headers, text)

        def log_message(self, *_: object) -> None:
            """Tests look at `asked`."""

    return Handler


def _reply(double: Double, asked: Asked) -> Reply | None:
    with double.lock:
        double.asked.append(asked)
        fault = next((one for one in double.faults if one.match in f"{asked.method} {asked.path}"), None)
        if fault:
            double.faults.remove(fault)
        if fault and not fault.carried_out:
            return _failed(double, fault)
        try:
            reply = double.answer(asked)
        except Refused as error:
            reply = Reply(error.status, double.error(error.status, str(error)))
        return _failed(double, fault) if fault else reply


def _failed(double: Double, fault: Fault) -> Reply | None:
    return Reply(fault.status, double.error(fault.status, "scripted failure")) if fault.status else None
