"""Dockerfiles: the one that `dockerfile: auto` stands for, and which line a step of a build is."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from penstock import __version__

HOME = "/opt/prefect"
"""Where images keep the code; pull steps of existing projects lead there."""

REQUIREMENTS = "requirements.txt"
_LOCAL = re.compile(r"^\s*(-e|-r|-c|--|\.|/|file:|.*@\s*(\.|/|file:))")


def generated(folder: Path, base: str | None) -> str:
    """A Dockerfile for a project: its requirements, then its code at `/opt/prefect/<folder>`, where runs begin.

    Without a base image of the user's own it is Python's slim one, and Penstock is installed: no image of an
    orchestrator has the code's Python and this very version. A base image that has Penstock keeps it.
    """
    target = f"{HOME}/{folder.name}"
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    install = ["RUN", "python", "-m", "pip", "install"]
    lines = [
        f"FROM {base or f'python:{version}-slim'}",
        f'RUN python -c "import penstock" 2>/dev/null || python -m pip install penstock=={__version__}',
    ]
    wanted = folder / REQUIREMENTS
    code = f'COPY [".", "{target}/"]'
    if not wanted.is_file():
        lines += [code, f"WORKDIR {target}"]
    elif any(_LOCAL.match(line) for line in wanted.read_text().splitlines()):  # pip needs more than this one file
        lines += [code, f"WORKDIR {target}", " ".join([*install, "-r", REQUIREMENTS])]
    else:
        lines += [f'COPY ["{REQUIREMENTS}", "{target}/{REQUIREMENTS}"]', f"WORKDIR {target}"]
        lines += [" ".join([*install, "-r", REQUIREMENTS]), code]
    return "\n".join([*lines, ""])


def instructions(text: str) -> Iterator[tuple[int, str]]:
    """Each instruction with the number of its first line; comments and continued lines are none of their own."""
    begun: int | None = None
    words: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if not bare or bare.startswith("#"):
            continue
        begun = begun or number
        words.append(bare.rstrip("\\").strip())
        if not bare.endswith("\\"):
            yield begun, " ".join(words)
            begun, words = None, []
