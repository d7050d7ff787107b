"""Real git repositories, and a step's place in an empty folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from penstock.steps.protocol import Place
from tests.live.git import Upstream


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path)


@pytest.fixture
def at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return Place(start=here)
