"""`python -m tests.replay --api URL [NUMBER ...]`: replays recordings and prints what differs."""

from __future__ import annotations

import argparse

from tests.live.api import Api
from tests.replay.differences import unexplained
from tests.replay.player import Player
from tests.replay.recording import load, names


def main() -> int:
    """Exit code 1 when something differs that is not in the list of deliberate differences."""
    arguments = argparse.ArgumentParser(prog="python -m tests.replay", description=__doc__)
    arguments.add_argument("--api", required=True, help="root of the API, for example http://127.0.0.1:4200/api")
    arguments.add_argument("--values", action="store_true", help="print differences of free values too")
    arguments.add_argument("--secured", action="store_true", help="play those for a server with auth and CSRF on")
    arguments.add_argument("--older", action="store_true", help="play those of Prefect 2.20")
    arguments.add_argument("numbers", nargs="*", help="recordings to play, by number; all of them otherwise")
    given = arguments.parse_args()
    player = Player(Api(given.api), unexplained)
    total = 0
    unsteady: dict[str, list[int]] = {}
    for name in names(given.secured, given.older):
        if given.numbers and name.partition("-")[0] not in given.numbers:
            continue
        for answer in player.play(load(name)):
            total += 1
            seen = [d for d in answer.differences if given.values and not d.counts] + unexplained(answer)
            if unexplained(answer):
                unsteady.setdefault(answer.recording.partition("-")[0], []).append(answer.index)
            for difference in seen:
                print(f"{answer.recording}[{answer.index}] {answer.method} {answer.path}\n    {difference}", flush=True)
    print(f"{total} steps; these differ: {unsteady}")
    return 1 if unsteady else 0


if __name__ == "__main__":
    raise SystemExit(main())
