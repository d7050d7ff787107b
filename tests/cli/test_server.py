"""`penstock server`: what it refuses in one line, and several processes on PostgreSQL."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from penstock.cli.server import reachable
from tests.live.api import eventually
from tests.live.postgres import Postgres
from tests.live.programs import Shell, penstock
from tests.live.servers import end, free_port

DATABASE = "PENSTOCK_SERVER_DATABASE_CONNECTION_URL"


def test_a_server_that_listens_everywhere_is_reached_at_this_machine() -> None:
    assert reachable("http://0.0.0.0:4200/api") == "http://127.0.0.1:4200/api"
    assert reachable("http://[::]:4200/api") == "http://[::1]:4200/api"
    assert reachable("http://10.0.0.7:4200/api") == "http://10.0.0.7:4200/api"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(penstock(), tmp_path / "home", "", tmp_path)


@pytest.mark.parametrize(
    ("line", "database", "said"),
    [
        ("server start --workers 2", None, "PostgreSQL"),
        ("server services start", None, "PostgreSQL"),
        ("server start --port 0", "mysql://127.0.0.1/x", "sqlite:// or postgresql://"),
        ("server start --port 0", "postgresql://me:secret@127.0.0.1:9/x", "Can't connect to the PostgreSQL database"),
    ],
)
def test_what_can_not_be_started_says_why(line: str, database: str | None, said: str, shell: Shell) -> None:
    done = shell.run(*line.split(), **({DATABASE: database} if database else {}))
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_a_port_in_use_is_named(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = shell.run("server", "start", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: Port {port} of 127.0.0.1 is in use already")
    assert done.stderr.count("\n") == 1


def test_processes_share_a_port_and_end_together(shell: Shell, tmp_path: Path, postgres: Postgres) -> None:
    settings = {DATABASE: postgres.database()}
    url = f"http://127.0.0.1:{(port := free_port())}/api"
    log = tmp_path / "server.log"
    process = shell.start("server", "start", "--workers", "2", "--port", str(port), log=log, **settings)
    try:
        eventually(lambda: url in log.read_text(), 30, "the processes answer")
        client = Shell(shell.program, tmp_path / "client", url, tmp_path)
        assert client.run("variable", "set", "region", "north").returncode == 0
        assert [client.run("variable", "get", "region").stdout for _ in range(4)] == ["north\n"] * 4
        first, *others = children(process.pid)
        assert len(others) == 1
        os.kill(first, signal.SIGKILL)
        assert process.wait(20) == 1
    finally:
        end(process)
    assert "ended by itself" in log.read_text()


def children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_services_run_without_the_api(shell: Shell, postgres: Postgres) -> None:
    settings = {DATABASE: postgres.database()}
    try:
        assert shell.run("server", "services", "start", "--background", **settings).returncode == 0
        assert "ends them" in shell.run("server", "services", "start", "--background", **settings).stderr
    finally:
        assert "are stopped" in shell.run("server", "services", "stop").stdout
    assert "No services" in shell.run("server", "services", "stop").stdout
