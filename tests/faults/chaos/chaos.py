"""One chaos from its beginning to its verdict."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.faults.chaos.load import Load
from tests.faults.chaos.site import Site
from tests.faults.chaos.trouble import Trouble
from tests.faults.chaos.verdict import Verdict, judge


@dataclass(frozen=True)
class Size:
    """How many runs over how many seconds, with which lease, and how long all may take to end afterwards."""

    runs: int
    seconds: float
    lease: float
    bound: float


SHORT = Size(runs=45, seconds=4, lease=5, bound=60)
FULL = Size(runs=2000, seconds=300, lease=10, bound=300)


def chaos(folder: Path, database: str | None, size: Size, seed: int) -> Verdict:
    """Makes it and judges it; says what was done, and, of violations, what went on around them."""
    site = Site(folder, database, size.lease)
    load = Load(site, size.runs, size.seconds * 0.9, random.Random(seed))
    trouble = Trouble(site, size.seconds, random.Random(seed + 1))
    try:
        load.start()
        trouble.start()
        load.join(size.seconds + size.bound)
        trouble.join()
        began = time.time()
        verdict = judge(site, load.made, trouble, size.bound, load.cancelled)
        verdict.untrue += [f"{error!r}" for error in (load.error, *trouble.errors) if error]
        print(f"seed {seed}: {verdict}\ntrouble: {dict(trouble.done)}")
        if verdict.violations:
            told = "\n".join(f"{at:.3f} {what}" for at, what in trouble.log)
            (folder / "trouble.log").write_text(f"{told}\n{began:.3f} over\n" + "\n".join(verdict.violations))
        return verdict
    finally:
        trouble.stop()
        site.close()
