"""Every command of the table, against a server of our own: its exit code, and no traceback."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.cli.main import run
from penstock.settings import forget
from tests.cli.cases import CASES
from tests.live.programs import penstock
from tests.live.servers import Server, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One home for the whole table: its commands build on each other."""
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize(("line", "code"), CASES, ids=[f"{number:03} {line}" for number, (line, _) in enumerate(CASES)])
def test_exit_code(
    line: str,
    code: int,
    server: Server,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # A command sets PENSTOCK_PROFILE and PENSTOCK_CLI_PROMPT for itself; set here, they are undone afterwards.
    for name, value in {"API_URL": server.url, "HOME": str(home), "CLI_PROMPT": "false", "PROFILE": ""}.items():
        monkeypatch.setenv(f"PENSTOCK_{name}", value)
    monkeypatch.chdir(home)
    forget()
    try:
        given = run(shlex.split(line.replace("{NAME}", "PENSTOCK")))
    finally:
        forget()
    said = capsys.readouterr()
    assert given == code, said.out + said.err
    if code == 0:
        assert not said.err.startswith("Error")
    elif not line.startswith("api"):
        assert said.err, "what went wrong is said on standard error"
        assert not said.out, "and nothing on standard output"
