"""The kept figures in `results/`, and the page that shows them: what stands below a mark of the README."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.budgets import claims_table, dashboards_table, pages_table, scale_table, table
from benchmarks.upgrade_table import upgrade_table

RESULTS = Path(__file__).parent / "results"
PAGE = Path(__file__).parent / "README.md"
MARK = "<!-- measured -->"
DATABASES = (("sqlite", "SQLite"), ("postgres", "PostgreSQL"))


def keep(name: str, figures: Mapping[str, Any]) -> None:
    """Keeps figures under a name, in the place of those that were there."""
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"date": date.today().isoformat(), "figures": figures}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def read(name: str) -> dict[str, Any]:
    """The kept figures of that name; empty without any."""
    path = RESULTS / f"{name}.json"
    return dict(json.loads(path.read_text())["figures"]) if path.exists() else {}


def write_page() -> None:
    """Replaces what stands below the mark of the page by the present tables, and prints them."""
    head = PAGE.read_text().partition(MARK)[0]
    tables = [
        f"## {title}\n\n{table(database, read(f'penstock-{database}'), read(f'prefect-{database}'))}\n"
        for database, title in DATABASES
    ]
    grown = ((title, read(f"scale-{database}")) for database, title in DATABASES)
    tables += [f"## A large history on {title}\n\n{scale_table(figures)}\n" for title, figures in grown if figures]
    claimed = ((title, read(f"claims-{database}")) for database, title in DATABASES)
    tables += [f"## Claims on {title}\n\n{claims_table(figures)}\n" for title, figures in claimed if figures]
    moved = [(title, read(f"upgrade-{database}")) for database, title in DATABASES]
    tables += [
        f"## An upgrade from agents to workers on {title}\n\n{upgrade_table(each)}\n" for title, each in moved if each
    ]
    seen = ((title, read(f"pages-{database}")) for database, title in DATABASES)
    tables += [f"## Pages on {title}\n\n{pages_table(figures)}\n" for title, figures in seen if figures]
    if beside := read("dashboards"):
        tables.append(f"## Pages beside those of Prefect\n\n{dashboards_table(beside)}\n")
    text = f"{head}{MARK}\n\n" + "\n".join(tables)
    PAGE.write_text(text)
    print(text.partition(MARK)[2])
