"""Real git repositories, and a step's place in an empty folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from penstock.steps.protocol import Place


class Upstream:
    """A bare repository and a clone that feeds it."""

    def __init__(self, root: Path) -> None:
        self.bare = root / "upstream" / "project.git"
        self.work = root / "work"
        self.git("init", "--quiet", "--bare", "--initial-branch=main", str(self.bare), cwd=root)
        self.git("init", "--quiet", "--initial-branch=main", str(self.work), cwd=root)
        self.git("remote", "add", "origin", str(self.bare))

    def git(self, *argv: str, cwd: Path | None = None) -> str:
        identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a"}
        env = {**os.environ, **identity, "GIT_COMMITTER_EMAIL": "a@b", "GIT_ALLOW_PROTOCOL": "file"}
        done = subprocess.run(["git", *argv], cwd=cwd or self.work, env=env, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def commit(self, files: dict[str, str], branch: str = "main") -> str:
        """Commits the files to a branch, pushes it and returns the hash."""
        self.git("checkout", "--quiet", "-B", branch)
        for name, text in files.items():
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", "x")
        self.git("push", "--quiet", "--force", "origin", branch)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return Place(start=here)
