"""What git says of a folder."""

from __future__ import annotations

import subprocess
from pathlib import Path

SECONDS = 10


def git_says(folder: Path, *words: str) -> str | None:
    """What `git` answers to these words there; None where it has no answer, or there is no git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words],
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def repository_root(folder: Path) -> Path | None:
    """The folder of the repository that a folder is in, found without asking git."""
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), None)
