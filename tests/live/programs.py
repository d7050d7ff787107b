"""The two programs under test, Penstock and the real Prefect, behind one shape."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.live.api import PATIENT

ROOT = Path(__file__).parents[2]
PREFECT_VARIABLE = "PENSTOCK_TEST_PREFECT"
PREFECT2_VARIABLE = "PENSTOCK_TEST_PREFECT2"
QUIET = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_CLI_PROMPT": "false",
    "NO_COLOR": "1",
    "COLUMNS": "200",
}
PATIENCE = {"PREFECT_API_DATABASE_TIMEOUT": "60", "PREFECT_API_DATABASE_CONNECTION_TIMEOUT": "60"}
"""Of a real Prefect server with its database: after a few seconds it gives up, and does not start on a busy machine."""


@dataclass(frozen=True)
class Program:
    """One orchestrator's installation: its command, its interpreter and the name its SDK is imported by."""

    name: str
    command: str
    python: str
    sdk: str

    @property
    def steps(self) -> str:
        """The module that holds its pull steps, as a project file names it."""
        return "prefect.deployments.steps" if self.sdk == "prefect" else "penstock.steps"

    def environment(self, home: Path, api: str | None = None, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """A child's environment: nothing of the tester's own settings, a home of its own, and its bytecode kept as
        that of an installed program is."""
        foreign = ("PREFECT_", "PENSTOCK_", "PYTHONDONTWRITEBYTECODE")
        clean = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        home.mkdir(parents=True, exist_ok=True)
        where = {f"{self.name.upper()}_HOME": str(home)}
        if api:
            where[f"{self.name.upper()}_API_URL"] = api
        patience = PATIENCE if self.name == "prefect" else {}
        return {**clean, **QUIET, **patience, **where, **(extra or {})}


@dataclass(frozen=True)
class Shell:
    """One program with a home, an API and a folder: what a user's terminal is."""

    program: Program
    home: Path
    api: str
    folder: Path

    def run(self, *arguments: str, timeout: float = PATIENT, **extra: str) -> subprocess.CompletedProcess[str]:
        """The command line with these arguments, its output captured."""
        return self.execute([self.program.command, *arguments], timeout, extra)

    def python(self, *arguments: str, timeout: float = PATIENT, **extra: str) -> subprocess.CompletedProcess[str]:
        """The program's own interpreter with these arguments."""
        return self.execute([self.program.python, *arguments], timeout, extra)

    def execute(
        self, command: Sequence[str], timeout: float, extra: Mapping[str, str]
    ) -> subprocess.CompletedProcess[str]:
        environment = self.program.environment(self.home, self.api, extra)
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *arguments: str, log: Path, **extra: str) -> subprocess.Popen[bytes]:
        """The command line in the background, its output in `log`."""
        with log.open("ab") as output:
            return subprocess.Popen(
                [self.program.command, *arguments],
                cwd=self.folder,
                env=self.program.environment(self.home, self.api, extra),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )


def penstock() -> Program:
    """The Penstock of the interpreter that runs the tests."""
    return Program("penstock", str(Path(sys.executable).with_name("penstock")), sys.executable, "penstock")


def find_prefect() -> Program | None:
    """The real Prefect: the environment named by PENSTOCK_TEST_PREFECT, else `.venv-prefect` of the project."""
    return _prefect_in(Path(os.environ.get(PREFECT_VARIABLE) or ROOT / ".venv-prefect"))


def _prefect_in(folder: Path) -> Program | None:
    command = folder / "bin" / "prefect"
    return Program("prefect", str(command), str(folder / "bin" / "python"), "prefect") if command.exists() else None


def prefect() -> Program:
    """The real Prefect; a test that asks for it is skipped where it is not installed."""
    found = find_prefect()
    if found is None:
        pytest.skip(f"no Prefect 3.8.8: install one in .venv-prefect or name its environment in {PREFECT_VARIABLE}")
    return found


def prefect2() -> Program:
    """The real Prefect of the agent generation; a test that asks for it is skipped where it is not installed."""
    found = _prefect_in(Path(os.environ.get(PREFECT2_VARIABLE) or ROOT / ".venv-prefect2"))
    if found is None:
        pytest.skip(f"no Prefect 2.20.25: install one in .venv-prefect2, or name its environment: {PREFECT2_VARIABLE}")
    return found
