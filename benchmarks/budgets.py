"""The budgets of the design, as data: which figure, how it is compared, and what is to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Budget:
    """One line of the table. `at_least` and `ratio` want large figures, `at_most` a small one."""

    what: str
    case: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None
    ratio: float | None = None

    def value(self, figures: Figures) -> float | None:
        """The measured figure, if it was measured."""
        return figures.get(self.case, {}).get(self.figure)

    def met(self, ours: Figures, theirs: Figures) -> bool | None:
        """Whether the budget is held; None when a figure is missing."""
        value, other = self.value(ours), self.value(theirs)
        if value is None or (self.ratio is not None and not other):
            return None
        if self.at_most is not None:
            return value <= self.at_most
        if self.at_least is not None:
            return value >= self.at_least
        return value >= (self.ratio or 0) * (other or 0)

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return f"≥ {self.at_least:,g}" if self.at_least is not None else f"{self.ratio:g} ×"


def budgets(database: str) -> tuple[Budget, ...]:
    """All budgets for one database."""
    sqlite = database == "sqlite"
    return (
        Budget("created → Running, idle worker, p50 (ms)", "run start", "p50_ms", at_most=40),
        Budget("created → Running, idle worker, p99 (ms)", "run start", "p99_ms", at_most=120),
        Budget("20 runs at once, all completed (s)", "burst of 20", "s", at_most=0.7),
        Budget("state transitions, 8 clients (/s)", "set_state c=8", "per_s", ratio=40 if sqlite else 25),
        Budget("create a flow run, 8 clients (/s)", "create c=8", "per_s", at_least=2000 if sqlite else 1500),
        Budget("… resent at 32 clients", "create c=32", "resent", at_most=0),
        Budget("read one run, 8 clients (/s)", "read c=8", "per_s", ratio=30),
        Budget("list of 200 runs, 8 clients (/s)", "list_200 c=8", "per_s", ratio=30),
        Budget("scheduled runs, 1,000 due, 8 clients (/s)", "scheduled c=8", "per_s", at_least=1000),
        Budget("log batches of 100, 8 clients (/s)", "logs_100 c=8", "per_s", ratio=40),
        Budget("500 tasks called (/s)", "tasks call", "per_s", at_least=10_000),
        Budget("… known to the server after (s)", "tasks call", "known_s", at_most=0.2),
        Budget("500 tasks submitted (/s)", "tasks submit", "per_s", at_least=5_000),
        Budget("… known to the server after (s)", "tasks submit", "known_s", at_most=0.2),
        Budget("50 deployments of a file, made (/s)", "deploy 50", "first_per_s", ratio=30),
        Budget("… deployed again (/s)", "deploy 50", "again_per_s", ratio=30),
        Budget("… made, by Prefect's command on our server (× its time)", "deploy 50", "first_times", at_least=30),
        Budget("… deployed again, by Prefect's command (× its time)", "deploy 50", "again_times", at_least=30),
        Budget("`--help` (ms)", "--help", "ms", at_most=50),
        Budget("`work-pool ls` (ms)", "work-pool ls", "ms", at_most=120),
        Budget("`from … import flow, task` (ms)", "import", "without_interpreter_ms", at_most=50),
        Budget("server ready, empty database (s)", "server start", "first_s", at_most=0.6),
        Budget("server ready again (s)", "server start", "again_s", at_most=0.4),
        Budget("server idle (MiB)", "server idle", "mib", at_most=55),
        Budget("server idle (% of a core)", "server idle", "cpu_percent", at_most=0.2),
        Budget("worker idle (MiB)", "worker idle", "mib", at_most=40),
    )


def table(database: str, ours: Figures, theirs: Figures) -> str:
    """The budget table of one database, as markdown."""
    lines = ["| what | Prefect 3.8.8 | Penstock | ratio | budget | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for budget in budgets(database):
        value, other = budget.value(ours), budget.value(theirs)
        words = {True: "met", False: "**missed**", None: "not measured"}[budget.met(ours, theirs)]
        line = (budget.what, shown(other), shown(value), ratio(budget, value, other), budget.target, words)
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join(lines)


def shown(value: float | None) -> str:
    return "–" if value is None else f"{value:,g}"


def ratio(budget: Budget, value: float | None, other: float | None) -> str:
    """How many times better we are."""
    if not value or not other:
        return "–"
    better = other / value if budget.at_most is not None else value / other
    return f"{better:,.1f} ×"


MOST_SLOWER = 2.0
"""How many times slower a claim or a list may be over the largest history than over a small one."""
AGGREGATES = ("count of all", "a day by hour")
"""These look at every run that they tell of, so they have no budget."""


def scale_table(figures: Mapping[str, Figures]) -> str:
    """Median milliseconds by size, and how many times slower the largest is."""
    sizes = list(figures)
    first, last = figures[sizes[0]], figures[sizes[-1]]
    lines = [
        f"| p50 (ms) of | {' | '.join(f'{size} runs' for size in sizes)} | slower | budget | |",
        f"| --- |{' ---: |' * (len(sizes) + 2)} --- |",
    ]
    for name in first:
        slower = last[name]["p50_ms"] / max(first[name]["p50_ms"], 0.01)
        shown = " | ".join(f"{figures[size][name]['p50_ms']:g}" for size in sizes)
        lines.append(f"| {name} | {shown} | {slower:.1f} × | {verdict(name, slower)} |")
    return "\n".join(lines)


def verdict(name: str, slower: float) -> str:
    """The budget of a case and whether it is held, as the last two cells."""
    if name in AGGREGATES:
        return "– | "
    return f"≤ {MOST_SLOWER:g} × | {'met' if slower <= MOST_SLOWER else '**missed**'}"


MOST_WAITING_CPU = 2.0
"""Percent of a core that a server may take while a hundred workers wait."""


def claims_table(figures: Mapping[str, Figures]) -> str:
    """Claims by number of workers and size of the history, and what waiting costs."""
    lines = [
        "| waiting workers | runs in the table | claims (/s) | p50 (ms) | p99 (ms) | made → given, p50 (ms) | p99 (ms) "
        "| server's CPU for one run (ms) |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for size, cases in figures.items():
        for name in cases:
            if name.startswith("claims w="):
                workers = name.partition("=")[2]
                claims, given = cases[name], cases[f"handed over w={workers}"]
                values = [claims["per_s"], claims["p50_ms"], claims["p99_ms"], given["p50_ms"], given["p99_ms"]]
                cells = [workers, size, *(f"{value:,g}" for value in (*values, given["cpu_ms_per_run"]))]
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", *_waiting(figures)])


def _waiting(figures: Mapping[str, Figures]) -> list[str]:
    found = [
        f"{name.partition('=')[2]} workers that only wait take {case['cpu_percent']:g} % of a core over {size} runs"
        f" (budget ≤ {MOST_WAITING_CPU:g} %)."
        for size, cases in figures.items()
        for name, case in cases.items()
        if name.startswith("waiting w=")
    ]
    loads = ", ".join(f"{cases['machine']['load']:g}" for cases in figures.values())
    return [*found, f"The machine's load before each size was {loads}."]


MOST_PAGE_MS, MOST_FIRST_KIB, MOST_REQUESTS = 100.0, 150.0, 5
"""What a page may take: milliseconds of 19 of 20 answers, bytes of a first visit, requests beside static files."""


def pages_table(figures: Mapping[str, Any]) -> str:
    """Pages, then reads of the API, with what they take."""
    lines = [
        f"Over {figures['runs']:,} flow runs. The machine's load before was {figures['load']:g}."
        f" {figures['tallied_s']} s after its first start the server had tallied what was there.",
        "",
        "| page | p50 (ms) | p95 (ms) | CPU (ms) | page (KiB) | first visit (KiB) | requests | |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for name, page in figures["pages"].items():
        small = page["first_kib"] <= MOST_FIRST_KIB and page["requests"] <= MOST_REQUESTS
        verdict = "met" if small and page["p95_ms"] <= MOST_PAGE_MS else "**missed**"
        keys = ("p50_ms", "p95_ms", "cpu_ms", "page_kib", "first_kib", "requests")
        lines.append(f"| `{name}` | {' | '.join(f'{page[key]:g}' for key in keys)} | {verdict} |")
    lines += ["", "| read of the API | p50 (ms) | p95 (ms) | CPU (ms) |", "| --- | ---: | ---: | ---: |"]
    for name, read in figures["reads"].items():
        lines.append(f"| {name} | {' | '.join(f'{read[key]:g}' for key in ('p50_ms', 'p95_ms', 'cpu_ms'))} |")
    return "\n".join(lines)


def dashboards_table(figures: Mapping[str, Any]) -> str:
    """Our dashboard beside Prefect's: when pages show what they are for, and what that takes."""
    lines = [
        f"Over {figures['runs']:,} flow runs on SQLite, in one Chromium. The machine's load before was"
        f" {figures['load']:g}. Prefect's server ran without its services.",
        "",
        "| page | browser's cache | Prefect shows it after (ms) | Penstock (ms) | ratio | requests of Prefect "
        "| of Penstock | Prefect (KiB) | Penstock (KiB) |",
        f"| --- | --- |{' ---: |' * 7}",
    ]
    for page, sites in figures["pages"].items():
        for cache, words in (("cold", "empty"), ("warm", "full")):
            theirs, ours = sites[f"prefect {cache}"], sites[f"penstock {cache}"]
            times = [theirs["shown_ms"], ours["shown_ms"]]
            ratio = f"{times[0] / times[1]:.1f} ×" if None not in times else "–"
            shown = " | ".join("not within 20 s" if one is None else f"{one:,}" for one in times)
            counts = f"{theirs['requests']} | {ours['requests']} | {theirs['kib']:,g} | {ours['kib']:,g}"
            lines.append(f"| {page} | {words} | {shown} | {ratio} | {counts} |")
    return "\n".join(lines)
