"""A closed-loop HTTP load: keep-alive connections on epoll, requests encoded beforehand.

Each connection takes a job, a list of requests that are sent one after the other, so that requests
that depend on each other keep their order. An answer of 429 or 5xx is sent again at once; its latency
runs to the final answer.
"""

from __future__ import annotations

import json
import re
import resource
import select
import socket
import time
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.machine import percentile

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
BUSY = {b"429", b"500", b"502", b"503", b"504"}


def encode(url: str, method: str, path: str, body: object = None, headers: str = "") -> bytes:
    """One request as it goes over the wire; each of the further headers ends its line."""
    parts = urllib.parse.urlsplit(url)
    data = b"" if body is None else json.dumps(body).encode()
    head = f"{method} {parts.path.rstrip('/')}{path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\n{headers}"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
    return head.encode() + b"\r\n" + data


@dataclass
class Connection:
    """One connection and the job it is at."""

    socket: socket.socket
    job: list[bytes] = field(default_factory=list)
    at: int = 0
    sent_at: float = 0.0
    received: bytes = b""
    unsent: memoryview | None = None


@dataclass
class Load:
    """One measurement: `run` sends jobs until they or the time are over."""

    url: str
    jobs: Iterator[list[bytes]]
    seconds: float
    on_body: Callable[[bytes], None] | None = None
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[bytes] = field(default_factory=Counter)
    resent: int = 0
    sample: bytes = b""

    def run(self, connections: int) -> dict[str, float]:
        """Requests per second, latencies in milliseconds, and what went wrong."""
        self.poll = select.epoll()
        self.open: dict[int, Connection] = {}
        began, cpu = time.perf_counter(), own_cpu()
        self.deadline = began + self.seconds
        for _ in range(connections):
            self.connect()
        while self.open and time.perf_counter() < self.deadline + 60:
            for number, event in self.poll.poll(1.0):
                self.serve(self.open[number], event)
        return self.figures(time.perf_counter() - began, own_cpu() - cpu)

    def connect(self) -> None:
        parts = urllib.parse.urlsplit(self.url)
        raw = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        raw.setblocking(False)
        connection = Connection(raw)
        self.open[raw.fileno()] = connection
        self.poll.register(raw.fileno(), select.EPOLLIN)
        self.next(connection)

    def next(self, connection: Connection) -> None:
        """The next request of the job, or of a new job while there is time."""
        connection.at += 1
        if connection.at >= len(connection.job):
            connection.job = next(self.jobs, []) if time.perf_counter() < self.deadline else []
            connection.at = 0
        if not connection.job:
            self.close(connection)
            return
        connection.sent_at = time.perf_counter()
        self.send(connection)

    def send(self, connection: Connection) -> None:
        connection.received = b""
        connection.unsent = memoryview(connection.job[connection.at])
        self.flush(connection)

    def flush(self, connection: Connection) -> None:
        assert connection.unsent is not None
        try:
            rest = connection.unsent[connection.socket.send(connection.unsent) :]
        except BlockingIOError:
            rest = connection.unsent
        connection.unsent = rest if len(rest) else None
        events = select.EPOLLIN if connection.unsent is None else select.EPOLLIN | select.EPOLLOUT
        self.poll.modify(connection.socket.fileno(), events)

    def serve(self, connection: Connection, event: int) -> None:
        if event & select.EPOLLOUT and connection.unsent is not None:
            self.flush(connection)
        if not event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR):
            return
        try:
            data = connection.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if not data:
            self.reconnect(connection)
            return
        connection.received += data
        if complete(connection.received):
            self.answered(connection)

    def answered(self, connection: Connection) -> None:
        status = connection.received[9:12]
        if status in BUSY:
            self.resent += 1
            self.sample = self.sample or connection.received[:300]
            self.send(connection)
            return
        self.statuses[status] += 1
        self.latencies.append(time.perf_counter() - connection.sent_at)
        if not status.startswith(b"2"):
            self.sample = self.sample or connection.received[:300]
        if self.on_body:
            self.on_body(connection.received.partition(b"\r\n\r\n")[2])
        self.next(connection)

    def reconnect(self, connection: Connection) -> None:
        """The server closed an idle or used-up connection: the request goes over a new one."""
        self.close(connection)
        self.resent += 1
        parts = urllib.parse.urlsplit(self.url)
        connection.socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=30)
        connection.socket.setblocking(False)
        self.open[connection.socket.fileno()] = connection
        self.poll.register(connection.socket.fileno(), select.EPOLLIN)
        self.send(connection)

    def close(self, connection: Connection) -> None:
        del self.open[connection.socket.fileno()]
        self.poll.unregister(connection.socket.fileno())
        connection.socket.close()

    def figures(self, seconds: float, cpu: float) -> dict[str, float]:
        good = sum(count for status, count in self.statuses.items() if status.startswith(b"2"))
        times = self.latencies or [0.0]
        return {
            "per_s": round(good / seconds, 1),
            "p50_ms": round(1000 * percentile(times, 0.5), 2),
            "p95_ms": round(1000 * percentile(times, 0.95), 2),
            "p99_ms": round(1000 * percentile(times, 0.99), 2),
            "refused": sum(self.statuses.values()) - good,
            "resent": self.resent,
            "generator_cpu_percent": round(100 * cpu / seconds),
        }


def load(
    url: str,
    jobs: Iterable[list[bytes]],
    connections: int,
    seconds: float,
    on_body: Callable[[bytes], None] | None = None,
) -> dict[str, float]:
    """The figures of one closed loop."""
    return Load(url, iter(jobs), seconds, on_body).run(connections)


def complete(received: bytes) -> bool:
    """Whether a whole answer has come."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return False
    length = LENGTH.search(received, 0, end)
    if length:
        return len(received) >= end + 4 + int(length.group(1))
    return b"chunked" not in received[:end].lower() or received.endswith(b"0\r\n\r\n")


def own_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
