"""A bench on a server of our own, and on a real Prefect where one is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.programs import penstock, prefect
from tests.live.servers import Server, running
from tests.worker.bench import Bench


@pytest.fixture(scope="session", params=["penstock", "prefect"])
def home(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of either kind, which the tests share.

    Prefect's is put on PostgreSQL: on SQLite it now and then waits a minute for its own lock, deaf to all.
    """
    program = penstock() if request.param == "penstock" else prefect()
    database = None if request.param == "penstock" else request.getfixturevalue("postgres").database()
    with running(program, tmp_path_factory.mktemp("server"), database) as server:
        yield server


@pytest.fixture
def bench(home: Server, tmp_path: Path) -> Iterator[Bench]:
    home.api.ask("DELETE", "/work_pools/pool")
    bench = Bench(home, tmp_path)
    try:
        yield bench
    finally:
        bench.close()
