"""`python -m benchmarks.dashboards FOLDER`: our dashboard and that of a real Prefect 3.8.8 over the same runs.

The folder has an estate (see `estate`) for each of the two, in `penstock` and `prefect`; those that are not there are
made first. One Chromium opens the same pages of both in turn, with an empty cache and with a full one, and tells when
what the page is about was to be seen, how many requests that took and how many bytes they brought.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.live.api import Api
from tests.live.chromium import Tab, tab
from tests.live.programs import penstock, prefect
from tests.live.servers import Server

from benchmarks.estate import Made, SqliteWriter, fill, known, make
from benchmarks.moulds import PENSTOCK, PREFECT
from benchmarks.page import keep, write_page

SERVICES = (
    *("SCHEDULER", "LATE_RUNS", "CANCELLATION_CLEANUP", "EVENT_PERSISTER", "FOREMAN", "PAUSE_EXPIRATIONS"),
    *("TASK_RUN_RECORDER", "TRIGGERS", "EVENT_LOGGER", "REPOSSESSOR"),
)
ALONE = {f"PREFECT_SERVER_SERVICES_{name}_ENABLED": "false" for name in SERVICES}
"""Prefect's server without its services, which would write to its database beside what is measured."""
BUSY = 503
PATIENCE = 20.0
QUIET_FOR = 1.5
"""Seconds without a request after which a page has all that it asks for by itself."""
WATCH = """
performance.setResourceTimingBufferSize(5000);
(() => { const wanted = %s.map(text => new RegExp(text)); const look = () => {
  const text = document.body ? document.body.textContent : '';
  if (wanted.every(one => one.test(text))) window.__shown = performance.now(); else requestAnimationFrame(look); };
  requestAnimationFrame(look); })();
"""
COUNT = """(() => {
  const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
  const bytes = all.reduce((sum, one) => sum + one.transferSize, 0);
  return { requests: all.length, bytes: bytes, shown: window.__shown || null };
})()"""


def main() -> None:
    """Measures, keeps the figures and rewrites the tables."""
    arguments = argparse.ArgumentParser(prog="python -m benchmarks.dashboards")
    arguments.add_argument("folder", type=Path, help="where the estates are, or are to be kept")
    arguments.add_argument("--runs", type=int, default=200_000, help="flow runs of an estate that is made")
    arguments.add_argument("--visits", type=int, default=5, help="how often each page is opened")
    given = arguments.parse_args()
    with ExitStack() as stack:
        sites = {}
        for program, tables, settings in ((penstock(), PENSTOCK, {}), (prefect(), PREFECT, ALONE)):
            server = Server(program, given.folder / program.name)
            server.settings = {**settings, "PREFECT_UI_API_URL": server.url} if settings else {}
            made = kept(server, tables, given.runs)
            server.start()
            stack.callback(server.stop)
            sites[program.name] = (server, made)
        keep("dashboards", {"runs": given.runs, **asyncio.run(measured(sites, given.visits))})
    write_page()


def kept(server: Server, tables: Mapping[str, str], runs: int) -> Made:
    """The estate in a stopped server's home, which is made where there is none."""
    note = server.home / "made.json"
    if not note.exists():
        server.home.mkdir(parents=True, exist_ok=True)
        made = make(Patient(server.start().url))
        server.stop()
        fill(SqliteWriter(next(server.home.glob("*.db"))), made, runs, datetime.now(UTC), tables)
        note.write_text(json.dumps(asdict(made)))
    return known(json.loads(note.read_text()))


class Patient(Api):
    """Prefect's server with SQLite answers 503 now and then while it is written to; then it is asked again."""

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> tuple[int, bytes]:
        status, answer = super().send(method, path, body, headers)
        while status == BUSY:
            time.sleep(0.5)
            status, answer = super().send(method, path, body, headers)
        return status, answer


Site = tuple[Server, Made]


async def measured(sites: Mapping[str, Site], visits: int) -> dict[str, Any]:
    """Medians of each page by site and by how full the browser's cache is."""
    found: dict[str, Any] = {"load": round(os.getloadavg()[0], 1), "pages": {}}
    views = {name: views_of(name, *site) for name, site in sites.items()}
    with tempfile.TemporaryDirectory(prefix="dashboards-", ignore_cleanup_errors=True) as folder:
        async with tab(Path(folder)) as browser:
            await browser.size(1400, 1000)
            await browser.call("Network.enable")
            for page in views["penstock"]:
                seen: dict[str, list[Seen]] = {}
                for _ in range(visits):
                    for name in sites:
                        await browser.call("Network.clearBrowserCache")
                        for cache in ("cold", "warm"):
                            one = await visit(browser, *views[name][page])
                            seen.setdefault(f"{name} {cache}", []).append(one)
                found["pages"][page] = {key: medians(all_) for key, all_ in seen.items()}
                print(page, json.dumps(found["pages"][page]), flush=True)
    return found


def views_of(program: str, server: Server, made: Made) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By page: its address, and the texts that are on it when it shows what it is for."""
    root, run = server.url.removesuffix("/api"), made.moulds["Completed"]
    name = str(server.api.get(f"/flow_runs/{run}")["name"])
    own = program == "penstock"
    return {
        "overview": (root + ("/" if own else "/dashboard"), (r"flow-\d\d",)),
        "runs": (root + "/runs", (r"brisk-heron-\d+",)),
        "a run": (root + (f"/runs/{run}" if own else f"/runs/flow-run/{run}"), (name, "Loaded 4,096 rows")),
        "deployments": (root + "/deployments", (r"deployment-\d\d\d",)),
        "pools": (root + ("/pools" if own else "/work-pools"), (r"pool-\d",)),
    }


@dataclass(frozen=True)
class Seen:
    """One visit: milliseconds until the page showed what it is for (None: not within `PATIENCE`), and what it took."""

    shown: float | None
    requests: int
    bytes: int


async def visit(browser: Tab, address: str, texts: tuple[str, ...]) -> Seen:
    """Opens a page, and waits until it asks for nothing more."""
    script = await browser.call("Page.addScriptToEvaluateOnNewDocument", source=WATCH % json.dumps(texts))
    await browser.open(address)
    deadline = time.monotonic() + PATIENCE
    count, since = await browser.value(COUNT), time.monotonic()
    while time.monotonic() < deadline and (count["shown"] is None or time.monotonic() - since < QUIET_FOR):
        await asyncio.sleep(0.1)
        before, count = count, await browser.value(COUNT)
        if count["requests"] != before["requests"]:
            since = time.monotonic()
    await browser.call("Page.removeScriptToEvaluateOnNewDocument", identifier=script["identifier"])
    await browser.open("about:blank")
    return Seen(count["shown"], count["requests"], count["bytes"])


def medians(visits: Sequence[Seen]) -> dict[str, Any]:
    """Of the figures of several visits; a page that was not shown in one of them counts as not shown."""
    shown = [one.shown for one in visits]
    return {
        "shown_ms": None if None in shown else round(median(one for one in shown if one is not None)),
        "requests": int(median(one.requests for one in visits)),
        "kib": round(median(one.bytes for one in visits) / 1024, 1),
    }


if __name__ == "__main__":
    main()
