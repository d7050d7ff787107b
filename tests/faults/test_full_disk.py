"""The disk fills up under SQLite: writers are told so, reads go on, and it heals when there is room again."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.catalogue import Catalogue
from tests.faults.conftest import QUICK
from tests.live.api import eventually
from tests.live.programs import penstock
from tests.live.servers import Server

LOG = {"name": "fill", "level": 20, "message": "x" * 20_000, "timestamp": "2026-01-01T00:00:00Z"}


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    """A server on SQLite in a folder of its own."""
    home = tmp_path / "alone"
    home.mkdir()
    live = Server(penstock(), home, None, QUICK)
    yield live
    live.stop()


def fill(server: Server) -> tuple[int, str]:
    """Writes until a write is refused; its status and message."""
    for _ in range(2000):
        status, answer = server.api.ask("POST", "/logs/", [LOG] * 20)
        if status != 201:
            return status, str(answer)
    raise AssertionError("the disk never filled")


def limit_files(server: Server, size: int) -> None:
    """No file of the server may grow beyond `size` bytes, from now on."""
    assert server.process is not None
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_writers_are_told_and_reads_go_on_when_no_file_may_grow(alone: Server, seen: Catalogue) -> None:
    alone.start()
    flow = alone.api.post("/flows/", {"name": "kept"})
    limit_files(alone, 3_000_000)
    status, message = fill(alone)
    seen.note("A full disk", "POST /logs/ when no file may grow", f"{status} {message}")
    assert (status, "exception_message" in message) == (503, True)
    assert alone.api.get(f"/flows/{flow['id']}")["name"] == "kept"
    assert alone.api.healthy()
    limit_files(alone, resource.RLIM_INFINITY)
    eventually(lambda: alone.api.ask("POST", "/flows/", {"name": "after"})[0] == 201, 20, "it writes again")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MB; needs root to mount it (the test above needs nothing)."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False).returncode:
        pytest.skip("this machine lets nobody mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_writers_are_told_and_it_heals_when_the_disk_is_full(small_disk: Path, alone: Server, seen: Catalogue) -> None:
    filler = small_disk / "filler"
    filler.write_bytes(b"x" * 4_000_000)
    alone.database = f"sqlite:///{small_disk}/penstock.db"
    alone.start()
    alone.api.post("/flows/", {"name": "kept"})
    status, message = fill(alone)
    seen.note("A full disk", "POST /logs/ on a full disk", f"{status} {message}")
    assert status == 503
    assert len(alone.api.post("/flows/filter")) == 1
    filler.unlink()
    eventually(lambda: alone.api.ask("POST", "/flows/", {"name": "after"})[0] == 201, 20, "it writes again")
    alone.stop()
