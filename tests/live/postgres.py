"""A PostgreSQL of our own in a temporary folder, with one empty database for whoever asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.servers import free_port

QUICK = "-c fsync=off -c full_page_writes=off -c max_connections=100 -c unix_socket_directories="
"""Without waiting for the disk: what was committed still survives every end of the process."""
MEMORY = Path("/dev/shm")


@dataclass
class Postgres:
    """One cluster; `restart` and `stop` are what the fault tests need it for."""

    binaries: Path
    data: Path
    port: int

    def begin(self) -> None:
        """Starts it for the first time; on another port when this one was taken since it was found free."""
        for _ in range(2):
            try:
                self.start()
                return
            except AssertionError:
                self.port = free_port()
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 {QUICK}"
        log = self.data / "log.txt"
        try:
            self.control("-w", "-o", options, "-l", str(log), "start")
        except AssertionError as error:
            told = log.read_text(errors="replace")[-2000:] if log.exists() else "no log"
            raise AssertionError(f"{error}\n{told}") from None

    def stop(self, mode: str = "fast") -> None:
        """Ends it; `immediate` is the database's own kill -9."""
        self.control("-m", mode, "-w", "stop")

    def restart(self) -> None:
        """A fast restart: open connections are cut."""
        self.stop()
        self.start()

    def database(self, template: str = "template1") -> str:
        """The URL of a new database: an empty one, or a copy of `template`."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-T", template, name)
        return f"postgresql+asyncpg://postgres@127.0.0.1:{self.port}/{name}"

    def drop(self, url: str) -> None:
        """Removes a database with whoever is still connected."""
        self.run("dropdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "--force", url.rpartition("/")[2])

    def query(self, url: str, sql: str) -> str:
        """The answer of one statement, unaligned."""
        plain = url.replace("+asyncpg", "")
        return self.run("psql", plain, "-AtqX", "-v", "ON_ERROR_STOP=1", "-c", sql).strip()

    def control(self, *arguments: str) -> None:
        self.run("pg_ctl", "-D", str(self.data), *arguments, captured=False)

    def run(self, tool: str, *arguments: str, captured: bool = True) -> str:
        """One of its tools, as the user `postgres` when we are root (it refuses to run as root)."""
        command = [str(self.binaries / tool), *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        output = subprocess.PIPE if captured else subprocess.DEVNULL
        done = subprocess.run(command, stdout=output, stderr=output, text=True, check=False, cwd="/")
        assert done.returncode == 0, f"{tool} failed: {done.stderr}"
        return done.stdout or ""


def find_binaries() -> Path | None:
    """Where PostgreSQL's server programs are: on the PATH, else in Debian's folder."""
    initdb = shutil.which("initdb")
    if initdb:
        return Path(initdb).resolve().parent
    packaged = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return packaged[-1].parent if packaged else None


@contextmanager
def cluster(folder: Path) -> Iterator[Postgres]:
    """A running PostgreSQL in a folder of its own; a test that asks for it is skipped where none is installed.

    It is kept in memory where there is such a folder: hundreds of databases come and go. As root it can't
    lie below `folder`: pytest closes its temporary folders to the user postgres.
    """
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed")
    root = os.geteuid() == 0
    place = MEMORY if MEMORY.is_dir() else None if root else folder
    with tempfile.TemporaryDirectory(prefix="postgres-", dir=place) as name:
        if root:
            shutil.chown(name, "postgres", "postgres")
        postgres = Postgres(binaries, Path(name) / "data", free_port())
        postgres.run("initdb", "-D", str(postgres.data), "-U", "postgres", "-A", "trust", "--no-sync")
        postgres.begin()
        try:
            yield postgres
        finally:
            postgres.stop("immediate")
