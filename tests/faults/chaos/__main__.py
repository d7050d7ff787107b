"""`python -m tests.faults.chaos [--runs N] [--seconds S] [--seed N] [--keep FOLDER] [sqlite] [postgres]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from tests.faults.chaos.chaos import FULL, chaos
from tests.live.postgres import cluster


def main() -> int:
    parser = argparse.ArgumentParser(description="Kills and freezes everything, and looks what becomes of the runs.")
    parser.add_argument("databases", nargs="*", default=["sqlite", "postgres"])
    parser.add_argument("--runs", type=int, default=FULL.runs)
    parser.add_argument("--seconds", type=float, default=FULL.seconds)
    parser.add_argument("--lease", type=float, default=FULL.lease)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for logs and databases, instead of one that goes away")
    given = parser.parse_args()
    size = replace(FULL, runs=given.runs, seconds=given.seconds, lease=given.lease)
    wrong = 0
    with ExitStack() as stack:
        folder = given.keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        for name in given.databases:
            url = stack.enter_context(cluster(folder)).database() if name == "postgres" else None
            print(f"{name}:", flush=True)
            verdict = chaos(folder / name, url, size, given.seed)
            print("\n".join(verdict.violations[:40]), flush=True)
            wrong += len(verdict.violations)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
