"""`python -m benchmarks.run`: measures both programs on both databases and writes the budget table.

`--quick` takes a few minutes; without it the loads run longer and more often. `--only prefect` or
`--only penstock` measures one and keeps the other's last figures, which lie in benchmarks/results/.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.postgres import cluster
from tests.live.programs import Program, find_prefect, penstock
from tests.live.servers import Server

from benchmarks import api, deploys, flows, starts, workers
from benchmarks.page import keep, read, write_page

PARTS = ("starts", "api", "tasks", "worker", "deploy")


def main() -> None:
    """Measures what was asked for and rewrites the table."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__.partition("\n")[0])
    arguments.add_argument("--quick", action="store_true", help="short loads: a few minutes in all")
    arguments.add_argument("--only", choices=["penstock", "prefect"], help="measure one program")
    arguments.add_argument("--database", choices=["sqlite", "postgres"], help="measure on one database")
    arguments.add_argument("--part", choices=PARTS, action="append", help="measure only this part (repeatable)")
    given = arguments.parse_args()
    for program in (found for found in (penstock(), find_prefect()) if found):
        for database in ("sqlite", "postgres"):
            if given.only in (None, program.name) and given.database in (None, database):
                name = f"{program.name}-{database}"
                keep(name, {**read(name), **measure(program, database, given.quick, given.part or PARTS)})
    write_page()


def measure(program: Program, database: str, quick: bool, parts: tuple[str, ...]) -> dict[str, dict[str, float]]:
    """All figures of one program on one database, part by part, each on a fresh server where that matters."""
    figures: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with database_url(database, folder) as url:
            server = Server(program, folder / "server", url)
            server.home.mkdir()
            try:
                for part in run_parts(server, folder, quick, parts):
                    print(f"{program.name} {database}: {json.dumps(part)}", flush=True)
                    figures |= part
            finally:
                server.stop()
    return figures


def run_parts(
    server: Server, folder: Path, quick: bool, parts: tuple[str, ...]
) -> Iterator[dict[str, dict[str, float]]]:
    """The parts in their order; the first one starts the server."""
    if "starts" in parts:
        yield starts.server_starts(server, 5 if quick else 20)
        yield starts.commands(server, folder, 3 if quick else 9)
        yield starts.installation(server.program)
    else:
        server.start()
    if "deploy" in parts:
        yield deploys.measure(server, folder, 2 if quick else 5)
    if "worker" in parts:
        yield workers.measure(server, folder, 5 if quick else 20, 20)
    if "tasks" in parts:
        yield flows.measure(server, folder, 500)
    if "api" in parts:
        yield api.measure(server.api, (8, 32) if quick else (1, 8, 32), 2 if quick else 5)


@contextmanager
def database_url(database: str, folder: Path) -> Iterator[str | None]:
    """None for SQLite in the server's home, else a new PostgreSQL database."""
    if database == "sqlite":
        yield None
        return
    with cluster(folder) as postgres:
        yield postgres.database()


if __name__ == "__main__":
    main()
