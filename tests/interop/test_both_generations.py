"""The command lines of Prefect 2.20.25 and 3.8.8, carried out on one Penstock server at the same time."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.cli.cases import CASES as TODAY
from tests.interop.commands import swept
from tests.interop.prefect2_cases import CASES as OLDER
from tests.interop.prefect2_cases import OK, PROBES
from tests.live.programs import Program, penstock, prefect, prefect2
from tests.live.servers import Server, running

HERE = Path(__file__).parent
ELSEWHERE = ("config", "profile", "--", "server", "init", "deployment delete --all", "nonsense", "api")
"""Lines that a process does once, that ask no server, or that would take away what the other has made."""
CURRENT = [(line, code) for line, code in TODAY if not line.startswith(ELSEWHERE)]
BASELINE = os.environ.get("PENSTOCK_TEST_SWEEP") == "prefect2"
"""Whether the older table is carried out at its own server, which shows that it is right."""


def sweep(program: Program, server: Server, project: Path, folder: Path, lines: list[str]) -> dict[str, dict[str, Any]]:
    """What became of each line; a line that is there twice has a number behind it."""
    folder.mkdir()
    done = swept(server.shell(project, program, folder / "home"), lines, folder / "result.json")
    return dict(zip(numbered(lines), done, strict=True))


def numbered(lines: list[str]) -> list[str]:
    """Lines with their places, so that each is another."""
    return [f"{place:03} {line}" for place, line in enumerate(lines)]


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Both tables' outcomes, from one server at the same time."""
    folder = tmp_path_factory.mktemp("both")
    project = shutil.copytree(HERE / "project2", folder / "project")
    empty = folder / "empty"
    empty.mkdir()
    with running(prefect2() if BASELINE else penstock(), folder / "server") as server, ThreadPoolExecutor() as both:
        older = both.submit(sweep, prefect2(), server, project, folder / "older", [line for line, _ in OLDER])
        lines = [] if BASELINE else [line for line, _ in CURRENT]
        current = both.submit(sweep, prefect(), server, empty, folder / "current", lines)
        yield {"older": older.result(), "current": current.result()}


@pytest.mark.parametrize("place", range(len(OLDER)), ids=numbered([line for line, _ in OLDER]))
def test_prefect_2_exits_as_at_its_own_server(place: int, done: dict[str, dict[str, Any]]) -> None:
    line, code = OLDER[place]
    check(done["older"][f"{place:03} {line}"], code)


@pytest.mark.skipif(BASELINE, reason="Prefect 2's own server serves no client of 3.8")
@pytest.mark.parametrize("place", range(len(CURRENT)), ids=numbered([line for line, _ in CURRENT]))
def test_prefect_3_exits_as_at_its_own_server(place: int, done: dict[str, dict[str, Any]]) -> None:
    line, code = CURRENT[place]
    check(done["current"][f"{place:03} {line}"], code)


def check(seen: dict[str, Any], code: int) -> None:
    """The exit code, and no refusal but those that the program asks for."""
    assert seen["code"] == code, seen["said"]
    meant = [*PROBES, "(403|404|409|422) .*"] if code != OK else [*PROBES]
    wrong = [refused for refused in seen["refused"] if not any(re.fullmatch(one, refused) for one in meant)]
    assert not wrong or BASELINE, (wrong, seen["said"])
