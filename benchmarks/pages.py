"""`python -m benchmarks.pages`: every page of the dashboard, and the reads behind Prefect's, over 1,000,000 runs.

An estate (see `estate`) is put into a stopped server's database; the started server is given as many deployments of
agents, and is then asked by one client for each page with lifelike values, and for each read of the API that a
dashboard of Prefect makes. The budget is 100 ms for the answer to 19 of 20 requests, 150 KiB for a first visit, and
five requests after the static files.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import re
import shutil
import sqlite3
import tempfile
import time
import urllib.parse
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.live.api import Api
from tests.live.postgres import Postgres, find_binaries
from tests.live.programs import penstock
from tests.live.servers import Server, free_port
from tests.upgrade.estate import POOL as AGENTS
from tests.upgrade.estate import make_estate

from benchmarks.api import after
from benchmarks.estate import DEPLOYMENTS, FAILING, Made, PostgresWriter, SqliteWriter, fill, known, make
from benchmarks.load import encode, load
from benchmarks.machine import cpu_seconds
from benchmarks.page import keep, write_page
from penstock.ui import routes

NOTE = "made.json"
"""What a kept estate is made of."""
NOT_ASKED = re.compile(r"live$|^/sign-")
"""Streams, which do not end."""
FILE = re.compile(rb'(?:href|src)="([^"]*/static/[^"]+)"')
LATER = re.compile(rb'hx-trigger="(?:load|revealed)|data-live="')
"""What a page asks for by itself once it is there."""
OVERVIEWS = [
    "/",
    "/?when=7d",
    "/?when=30d",
    "/?tag=team-3",
    "/?tag=team-3&when=30d",
    "/?of=flow-00&when=30d",
    "/?of=flow-00/deployment-000&when=30d",
]
TASK_LISTS = [
    "/task-runs",
    "/task-runs?when=30d",
    "/task-runs?when=7d&state=failed&state=crashed",
    "/task-runs?when=30d&state=paused",
    "/task-runs?name=load-0",
    "/task-runs?name=nothing-like-it&when=7d",
]
RUN_LISTS = [
    "/runs",
    "/runs?when=7d",
    "/runs?when=30d",
    "/runs?when=next",
    "/runs?state=failed&state=crashed&when=30d",
    "/runs?state=late&when=7d",
    "/runs?state=running",
    "/runs?pool=pool-3",
    "/runs?pool=pool-9&when=30d",
    "/runs?pool=pool-9&when=30d&state=crashed",
    "/runs?name=heron-99",
    "/runs?name=heron-4242&when=30d",
    "/runs?tag=team-3",
    "/runs?tag=nobody&when=30d",
    "/runs?deployment={failing}&when=30d",
    "/runs?deployment={rare}&when=30d&state=cancelled",
    "/runs?flow={flow}&when=30d",
]
EVENT_LISTS = [
    "/events",
    "/events?when=1h",
    "/events?when=7d",
    "/events?name=prefect.flow-run.&when=7d",
    "/events?name=prefect.flow-run.Crashed&when=30d",
    "/events?name=prefect.flow.&when=7d",
    "/events?name=nothing.like.it&when=30d",
]
CHARTS = [
    "when=24h",
    "when=7d",
    "when=30d",
    "when=next",
    "when=30d&state=failed&state=crashed",
    "when=30d&pool=pool-3",
    "when=7d&pool=pool-9",
    "when=30d&deployment={busy}",
    "when=30d&deployment={failing}",
    "when=30d&flow={flow}",
    "when=7d&flow={flow}&state=failed",
]
UPGRADES = [
    "/upgrade",
    "/upgrade?after=100",
    "/upgrade?state=ready&name=etl",
    "/upgrade?state=upgraded",
    f"/upgrade?pool={AGENTS}",
]
UPGRADED = ["flow-1/*", "flow-2/*"]
"""A tenth of the deployments of agents."""
OF_AGENTS = {"deployments": {"name": {"any_": ["deployment-0001", "deployment-0003", "deployment-0005"]}}}
"""One that is upgraded, and two that are not."""
_TALLIED = (
    "select (select count(*) from tallied_hours),"
    " (select count(*) from tallied_hours where tallied is null or tallied <> changes)"
)
"""How many hours are known to be over, and how many of those are not counted yet."""
UNPACKS = "Accept-Encoding: gzip\r\n"


def main() -> None:
    """Measures what was asked for, keeps the figures and rewrites the tables."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.pages", description=__doc__.partition("\n")[0])
    arguments.add_argument("--database", choices=["sqlite", "postgres"], action="append", help="only this (repeatable)")
    arguments.add_argument("--runs", type=int, default=1_000_000, help="flow runs in the database")
    arguments.add_argument("--requests", type=int, default=60, help="how often each page is asked for")
    arguments.add_argument("--kept", type=Path, help="a folder where the databases are kept, and used again")
    given = arguments.parse_args()
    for database in given.database or ("sqlite", "postgres"):
        with lent(database, given.kept) as (server, postgres):
            made = grown(server, postgres, given.runs)
            server.start(timeout=600)
            move_agents_in(server)
            seconds = wait_until_tallied(server, postgres)
            programs = [pid_of(server), *([postmaster(postgres)] if postgres else [])]
            figures = {"runs": given.runs, "tallied_s": seconds, **measured(server, programs, made, given.requests)}
            keep(f"pages-{database}", figures)
    write_page()


@contextmanager
def lent(database: str, kept: Path | None) -> Iterator[tuple[Server, Postgres | None]]:
    """A server that is not started yet, with the cluster of its database if there is one; `kept` outlasts it."""
    with ExitStack() as stack:
        if kept is None:
            kept = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pages-", ignore_cleanup_errors=True)))
            kept.chmod(0o755)  # a database may run as a user of its own
        home = kept.absolute() / database
        home.mkdir(parents=True, exist_ok=True)
        postgres = stack.enter_context(_cluster(home)) if database == "postgres" else None
        server = Server(penstock(), home, _database(postgres, home) if postgres else None)
        stack.callback(server.stop)
        yield server, postgres


@contextmanager
def _cluster(home: Path) -> Iterator[Postgres]:
    """A running cluster in a folder, which is made where there is none and stays when it stops."""
    binaries = find_binaries()
    assert binaries is not None, "PostgreSQL is not installed: run scripts/ensure-postgres.sh"
    postgres = Postgres(binaries, home / "data", free_port())
    if not postgres.data.exists():
        if os.geteuid() == 0:
            shutil.chown(home, "postgres", "postgres")
        postgres.run("initdb", "-D", str(postgres.data), "-U", "postgres", "-A", "trust", "--no-sync")
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()


def _database(postgres: Postgres, home: Path) -> str:
    note = home / NOTE
    if not note.exists():
        return postgres.database()
    name = json.loads(note.read_text())["database"]
    return f"postgresql+asyncpg://postgres@127.0.0.1:{postgres.port}/{name}"


def grown(server: Server, postgres: Postgres | None, runs: int) -> Made:
    """What is in the server's database; a new one gets an estate. The server is stopped then."""
    note = server.home / NOTE
    if note.exists():
        return known(json.loads(note.read_text()))
    made = make(server.start().api)
    server.stop()
    if postgres and server.database:
        fill(PostgresWriter(postgres, server.database), made, runs, datetime.now(UTC))
    else:
        fill(SqliteWriter(next(server.home.glob("*.db"))), made, runs, datetime.now(UTC))
    note.write_text(json.dumps({**asdict(made), "database": (server.database or "").rpartition("/")[2]}))
    return made


def move_agents_in(server: Server) -> None:
    """Gives a started server deployments of agents, some of them upgraded, if it has none."""
    if not server.api.post("/work_pools/filter", {"work_pools": {"name": {"any_": [AGENTS]}}}):
        make_estate(server.api, DEPLOYMENTS)
        done = server.shell(server.home).run("upgrade", "apply", *UPGRADED, "--yes")
        assert done.returncode == 0, done.stderr


def wait_until_tallied(server: Server, postgres: Postgres | None) -> int:
    """Seconds until a started server has tallied what was put in; the database then looks at what it has."""
    began, before = time.monotonic(), ""
    while True:
        known = asked_of(server, postgres, _TALLIED)
        if known == before and known.endswith("|0") and not known.startswith("0|"):
            break
        before = known
        time.sleep(2)
    if postgres:
        asked_of(server, postgres, "vacuum analyze")
    return round(time.monotonic() - began)


def asked_of(server: Server, postgres: Postgres | None, sql: str) -> str:
    """The answer of one statement, its columns parted by bars."""
    if postgres and server.database:
        return postgres.query(server.database, sql)
    with closing(sqlite3.connect(f"file:{next(server.home.glob('*.db'))}?mode=ro", uri=True)) as file:
        return "|".join(str(value) for row in file.execute(sql) for value in row)


def pid_of(server: Server) -> int:
    """The process of a started server."""
    assert server.process is not None
    return server.process.pid


def postmaster(postgres: Postgres) -> int:
    """The first process of a cluster."""
    return int((postgres.data / "postmaster.pid").read_text().split()[0])


def measured(server: Server, programs: Sequence[int], made: Made, requests: int) -> dict[str, Any]:
    """The figures of pages and of reads, by name; `programs` are those whose CPU time is counted."""
    root = server.url.removesuffix("/api")
    figures: dict[str, Any] = {"load": round(os.getloadavg()[0], 1), "pages": {}, "reads": {}}
    for name, paths in asked_for(server.api, made).items():
        asked = [[encode(root, "GET", path, headers=UNPACKS)] for path in paths]
        figures["pages"][name] = timed(root, programs, asked, requests) | weight(Api(root), paths[0])
        print(f"{name}: {json.dumps(figures['pages'][name])}", flush=True)
    for name, (path, body) in reads_of_prefect(made).items():
        asked = [[encode(server.url, "POST", path, body)]]
        figures["reads"][name] = timed(server.url, programs, asked, requests)
        print(f"{name}: {json.dumps(figures['reads'][name])}", flush=True)
    return figures


def timed(url: str, programs: Sequence[int], jobs: Sequence[list[bytes]], requests: int) -> dict[str, float]:
    """Latencies of one client, and the CPU time that all the server's processes spend on a request."""
    load(url, [*jobs], 1, 120)
    number = max(requests, 2 * len(jobs))
    before = sum(cpu_seconds(one) for one in programs)
    found = load(url, itertools.islice(itertools.cycle(jobs), number), 1, 120)
    spent = sum(cpu_seconds(one) for one in programs) - before
    return {
        **{key: found[key] for key in ("p50_ms", "p95_ms", "refused")},
        "cpu_ms": round(1000 * spent / number, 1),
    }


def weight(site: Api, path: str) -> dict[str, float]:
    """What a first visit costs: bytes of the page and its static files as they are sent, and requests beside those."""
    _, page = site.send("GET", path)
    files = {match.decode() for match in FILE.findall(page)}
    sizes = [_size(site, one) for one in (path, *sorted(files))]
    return {
        "page_kib": round(sizes[0] / 1024, 1),
        "first_kib": round(sum(sizes) / 1024, 1),
        "files": len(files),
        "requests": 1 + len(LATER.findall(page)),
    }


def _size(site: Api, path: str) -> int:
    return len(site.send("GET", path, None, {"Accept-Encoding": "gzip"})[1])


def asked_for(api: Api, made: Made) -> dict[str, list[str]]:
    """The lifelike addresses of each page, but for those that only lead elsewhere and forms for a part of a thing."""
    routes.load()
    busy, failing, rare = made.places[0], made.places[FAILING], made.places[150]
    names = {"failing": failing.deployment, "busy": busy.deployment, "rare": rare.deployment, "flow": failing.flow}
    found = {}
    for method, path in sorted(routes.every(), key=lambda one: one[1]):
        if method == "GET" and not NOT_ASKED.search(path) and path.count("{") < 2:
            values = _values(api, made, path) if "{" in path else [""]
            found[path] = [re.sub(r"\{\w+\}", urllib.parse.quote(value, safe=""), path) for value in values]
    found["/search"] = ["/search?q=heron-99", "/search?q=deployment-0", "/search?q=pool-3"]
    found["/"] = OVERVIEWS
    found["/task-runs"] = TASK_LISTS
    found["/runs"] = [one.format(**names) for one in RUN_LISTS]
    found["/events"] = EVENT_LISTS
    found["/upgrade"] = UPGRADES
    found["/runs/chart"] = [f"/runs/chart?{one}".format(**names) for one in CHARTS]
    found["/runs, page by page"] = _pages_of(Api(api.url.removesuffix("/api")), "/runs?when=30d", 20)
    site = Api(api.url.removesuffix("/api"))
    shown = {name: [path for path in paths if site.send("GET", path)[0] == 200] for name, paths in found.items()}
    return {name: paths for name, paths in shown.items() if paths}


def _pages_of(site: Api, path: str, most: int) -> list[str]:
    """The addresses of the pages of a list, as one turns them."""
    paths: list[str] = []
    while len(paths) < most:
        _, page = site.send("GET", path)
        older = re.search(rb'href="([^"]*after=\d+-\d+[^"]*)"', page)
        if older is None:
            break
        path = older[1].decode().replace("&amp;", "&")
        paths.append(path)
    return paths


def _values(api: Api, made: Made, path: str) -> list[str]:
    """What may stand in a page's address."""
    noun = path.split("/")[1]
    known: Mapping[str, list[str]] = {
        "runs": list(made.moulds.values()),
        "deployments": [made.places[number].deployment for number in (0, 1, FAILING, 60, 199)],
        "flows": [made.places[number].flow for number in (0, FAILING, 49)],
        "pools": [*made.pools[:5], AGENTS],
    }
    if noun == "upgrade":
        return [str(one["id"]) for one in api.post("/deployments/filter", OF_AGENTS)]
    if path == "/runs/{id}/job":
        return list(made.moulds.values())[:2]
    if noun in known:
        return known[noun]
    status, rows = api.ask("POST", f"/{noun.replace('-', '_')}/filter", {"limit": 5})
    found = rows.get("events", []) if isinstance(rows, dict) else rows
    key = path.partition("{")[2].partition("}")[0]
    return [str(row.get(key, row["id"])) for row in found] if status == 200 else []


def reads_of_prefect(made: Made) -> dict[str, tuple[str, dict[str, object]]]:
    """What the dashboard of Prefect asks for, over a day and over a week: path and body by name."""
    found: dict[str, tuple[str, dict[str, object]]] = {}
    for words, seconds in (("day", 86_400), ("week", 7 * 86_400)):
        begins, ends = after(-seconds), after(0)
        when = {"expected_start_time": {"after_": begins, "before_": ends}}
        started = {"start_time": {"after_": begins, "before_": ends}}
        failed = {"type": {"any_": ["FAILED", "CRASHED"]}}
        span = {"history_start": begins, "history_end": ends, "history_interval_seconds": seconds / 60}
        found |= {
            f"runs of a {words} by state": ("/flow_runs/history", span),
            f"task runs of a {words} by state": ("/task_runs/history", span),
            f"count of a {words}'s runs": ("/flow_runs/count", {"flow_runs": when}),
            f"count of a {words}'s failed runs": ("/flow_runs/count", {"flow_runs": {**when, "state": failed}}),
            f"count of a {words}'s task runs": ("/task_runs/count", {"task_runs": started}),
            f"lateness of a {words}'s runs": ("/flow_runs/lateness", {"flow_runs": when}),
            f"a {words}'s last failed runs": (
                "/flow_runs/filter",
                {"flow_runs": {**when, "state": failed}, "sort": "START_TIME_DESC", "limit": 50},
            ),
        }
    late = {"state": {"name": {"any_": ["Late"]}}}
    deployment = {"deployment_id": {"any_": [made.places[FAILING].deployment]}}
    return found | {
        "last runs": ("/flow_runs/filter", {"sort": "START_TIME_DESC", "limit": 200}),
        "late runs": ("/flow_runs/filter", {"flow_runs": late, "sort": "EXPECTED_START_TIME_ASC", "limit": 50}),
        "count of late runs": ("/flow_runs/count", {"flow_runs": late}),
        "count of all runs": ("/flow_runs/count", {}),
        "a page of all runs": ("/flow_runs/paginate", {"sort": "START_TIME_DESC", "limit": 50, "page": 1}),
        "last runs of a deployment": (
            "/flow_runs/filter",
            {"flow_runs": deployment, "sort": "EXPECTED_START_TIME_DESC", "limit": 50},
        ),
        "count of a deployment's runs": ("/flow_runs/count", {"flow_runs": deployment}),
        "deployments by name": ("/deployments/filter", {"sort": "NAME_ASC", "limit": 50}),
        "flows by name": ("/flows/filter", {"sort": "NAME_ASC", "limit": 50}),
        "pools": ("/work_pools/filter", {"limit": 50}),
    }


if __name__ == "__main__":
    main()
