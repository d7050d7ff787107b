"""A short chaos on each database; the whole one with PENSTOCK_TEST_FULL=1, or by `python -m tests.faults.chaos`."""

from __future__ import annotations

import time
from pathlib import Path

from tests.faults.chaos.chaos import FULL, SHORT, chaos


def test_nothing_is_done_twice_and_nothing_is_left_in_a_chaos(database: str | None, tmp_path: Path, full: bool) -> None:
    verdict = chaos(tmp_path / "chaos", database, FULL if full else SHORT, seed=time.time_ns() % 10_000)
    assert not verdict.violations, verdict.violations[:20]
