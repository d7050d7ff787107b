"""Python packages: the step `pip_install_requirements`, and what a step says it `requires`."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path

from penstock.errors import StepFailed
from penstock.steps.commands import Finished, run
from penstock.steps.protocol import Place

_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*")


async def pip_install_requirements(
    at: Place,
    *,
    directory: str | None = None,
    requirements_file: str = "requirements.txt",
    stream_output: bool = True,
) -> dict[str, str]:
    """Installs what a requirements file lists into this interpreter. Outputs pip's `stdout` and `stderr`."""
    finished = await _pip(["-r", requirements_file], Path(directory or "."), show=stream_output)
    return {"stdout": finished.stdout.strip(), "stderr": finished.stderr.strip()}


async def install_missing(requirements: Iterable[str]) -> None:
    """Installs those requirements of which no version is there."""
    missing = [wanted for wanted in requirements if not _is_installed(wanted)]
    if missing:
        await _pip(["--", *missing], Path(), show=True)


def _is_installed(requirement: str) -> bool:
    from importlib import metadata  # large, and rarely needed

    name = _NAME.match(requirement.strip())
    if name is None:
        raise StepFailed(f"{requirement!r} is not the name of a package.")
    try:
        metadata.version(name.group())
    except metadata.PackageNotFoundError:
        return False
    return True


async def _pip(arguments: list[str], cwd: Path, *, show: bool) -> Finished:
    finished = await run([sys.executable, "-m", "pip", "install", *arguments], cwd=cwd, env=os.environ, show=show)
    if finished.code:
        raise StepFailed(f"pip install {' '.join(arguments)} exited with {finished.code}:\n{finished.stderr}")
    return finished
