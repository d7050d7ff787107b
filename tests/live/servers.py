"""Starts, stops and kills the server of either program, on a free port, with a home of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.live.api import PATIENT, Api
from tests.live.programs import Program, Shell


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """One server process that can be killed and started again on the same port and database."""

    program: Program
    home: Path
    database: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def api(self) -> Api:
        return Api(self.url)

    @property
    def log(self) -> Path:
        return self.home / "server.log"

    def shell(self, folder: Path, program: Program | None = None, home: Path | None = None) -> Shell:
        """A terminal of `program` that talks to this server."""
        return Shell(program or self.program, home or self.home / "client", self.url, folder)

    def start(self, timeout: float = PATIENT) -> Server:
        """Starts the process and waits until it is healthy; an early end fails with its log."""
        extra = dict(self.settings)
        if self.database:
            extra[f"{self.program.name.upper()}_SERVER_DATABASE_CONNECTION_URL"] = self.database
        environment = self.program.environment(self.home, None, extra)
        command = [self.program.command, "server", "start", "--host", "127.0.0.1", "--port", str(self.port)]
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                command, env=environment, cwd=self.home, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        deadline = time.monotonic() + timeout
        while not self.api.healthy():
            ended = self.process.poll()
            assert ended is None, f"the server ended with {ended}:\n{self.tail()}"
            assert time.monotonic() < deadline, f"the server is not healthy after {timeout} s:\n{self.tail()}"
            time.sleep(0.02)
        return self

    def stop(self, grace: float = 20) -> int | None:
        """SIGTERM, and SIGKILL after the grace; gives the exit code."""
        if self.process is None:
            return None
        end(self.process, grace)
        return self.process.returncode

    def kill(self) -> None:
        """kill -9: nothing is written, nothing is said."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def tail(self, characters: int = 4000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""


def end(process: subprocess.Popen[bytes], grace: float = 20) -> None:
    """Ends one process of ours: SIGTERM, SIGINT, then SIGKILL."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
        if process.poll() is not None:
            return
        os.kill(process.pid, number)
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue


@contextmanager
def running(
    program: Program, home: Path, database: str | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """A started server, ended at the end."""
    home.mkdir(parents=True, exist_ok=True)
    server = Server(program, home, database, settings or {})
    try:
        yield server.start()
    finally:
        server.stop()
