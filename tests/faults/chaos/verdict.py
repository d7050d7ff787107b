"""What is to be seen after a chaos: nothing done twice, nothing left, no slot kept, no limit overrun."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.faults.chaos import marks
from tests.faults.chaos.load import Made
from tests.faults.chaos.site import LIMITS, SLOTS, Site
from tests.faults.chaos.trouble import MACHINE_LOST, Trouble
from tests.live.api import FINAL, eventually


@dataclass
class Verdict:
    """The figures, and every violation in words."""

    runs: int
    how: Counter[str] = field(default_factory=Counter)
    twice: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    slots: list[str] = field(default_factory=list)
    overruns: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    """Ends that did not happen so: Completed without the whole code, Crashed though nothing was killed."""
    executions: int = 0
    again: int = 0
    """Runs that were executed more than once, as their deployment says of losses."""
    most: dict[str, str] = field(default_factory=dict)
    recovery: float = 0.0
    """Seconds from the end of the trouble until everything had ended."""

    @property
    def violations(self) -> list[str]:
        return [*self.twice, *self.stuck, *self.slots, *self.overruns, *self.untrue]

    def __str__(self) -> str:
        return (
            f"{self.runs} runs: {dict(self.how)}; executions {self.executions}, again as told {self.again}; "
            f"executed twice {len(self.twice)}, stuck {len(self.stuck)}, leaked slots {len(self.slots)}, "
            f"limit overruns {len(self.overruns)}, untrue ends {len(self.untrue)}; most at once {self.most}; "
            f"all ended {self.recovery:.1f} s after the trouble"
        )


def judge(site: Site, made: list[Made], trouble: Trouble, bound: float, cancelled: set[str]) -> Verdict:
    """Waits until all have ended, for `bound` seconds at most, and looks at everything."""
    verdict, api, began = Verdict(len(made)), site.servers[0].api, time.monotonic()
    wanted = {one.id for one in made}

    def left() -> bool:
        rows = api.runs(state={"type": {"not_any_": sorted(FINAL)}})
        return not wanted & {row["id"] for row in rows}

    try:
        eventually(left, bound, "all runs have ended", every=0.5)
        eventually(lambda: not site.marks.going(), 15, "no code of runs goes on")
    except AssertionError as error:
        verdict.stuck.append(str(error)[:300])
    verdict.recovery = time.monotonic() - began
    rows = {row["id"]: row for row in api.runs() if row["id"] in wanted}
    verdict.how = Counter(row["state_type"] for row in rows.values())
    verdict.stuck += [f"stuck: {_row(row)}" for row in rows.values() if row["state_type"] not in FINAL]
    verdict.stuck += [f"code goes on: {one}" for one in site.marks.going()]
    verdict.stuck += [f"lost: {run}" for run in wanted - set(rows)]
    _count(verdict, site, made)
    _compare(verdict, site, rows, trouble, cancelled)
    _limits(verdict, site, made)
    _slots(verdict, site)
    return verdict


def _row(row: dict[str, Any]) -> str:
    return f"{row['id']} {row['state_type']} {row['state_name']} {row['state'].get('message')}"


def _count(verdict: Verdict, site: Site, made: list[Made]) -> None:
    attempts = site.marks.begun()
    verdict.twice += [f"attempt {key} was executed {times} times" for key, times in attempts.items() if times > 1]
    per_run: Counter[str] = Counter()
    for (run, _), times in attempts.items():
        per_run[run] += times
    verdict.executions = sum(per_run.values())
    for one in made:
        if per_run[one.id] > 1 and one.deployment == "again":
            verdict.again += 1
        elif per_run[one.id] > 1:
            verdict.twice.append(f"{one} was executed {per_run[one.id]} times")


def _compare(
    verdict: Verdict, site: Site, rows: dict[str, dict[str, Any]], trouble: Trouble, cancelled: set[str]
) -> None:
    """The states against what really happened."""
    passed: defaultdict[str, list[marks.Execution]] = defaultdict(list)
    for one in site.marks.executions:
        if one.part == "run":
            passed[one.run].append(one)
    for run, row in rows.items():
        whole = any(one.finished for one in passed[run])
        harmed = any(one.pid in trouble.killed for one in passed[run])
        if row["state_type"] == "COMPLETED" and not whole:
            verdict.untrue.append(f"Completed without its code's end: {_row(row)} {passed[run]}")
        if row["state_type"] in ("CRASHED", "FAILED") and not harmed and not _startless(passed[run], trouble, row):
            verdict.untrue.append(f"{row['state_type']} though nothing was killed: {_row(row)} {passed[run]}")
        if row["state_type"] == "CANCELLED" and run not in cancelled:
            verdict.untrue.append(f"Cancelled though nobody asked: {_row(row)}")


def _startless(passed: list[marks.Execution], trouble: Trouble, row: dict[str, Any]) -> bool:
    """Whether the process may have been killed before it came to its code: by name, or with the rest of a machine."""
    pid = str(row.get("infrastructure_pid") or "")
    if passed or (pid.isdigit() and int(pid) in trouble.killed):
        return not passed
    since, until = (datetime.fromisoformat(row[name]).timestamp() for name in ("created", "end_time"))
    return any(since < at < until for at, what in trouble.log if what.startswith(MACHINE_LOST))


def _limits(verdict: Verdict, site: Site, made: list[Made]) -> None:
    groups = {
        "deployment": ("limited", "run", LIMITS.deployment),
        "queue": ("queued", "run", LIMITS.queue),
        "pool": ("pretended", "run", LIMITS.pool),
        "slots": ("slotted", "slot", LIMITS.slots),
    }
    for kind, (name, part, limit) in groups.items():
        runs = {one.id for one in made if one.deployment == name}
        chosen = marks.of(site.marks.executions, runs, part)
        most, at, which = marks.most_at_once(chosen, time.time())
        verdict.most[kind] = f"{most}/{limit}"
        if most > limit:
            verdict.overruns.append(f"{kind}: {most} of {limit} at {at:.3f}: {which}")


def _slots(verdict: Verdict, site: Site) -> None:
    """Slots of what ended are free at once; of what was killed in a block, and nowhere said so, by their lease."""
    api = site.servers[0].api
    limited = site.deployments["limited"]

    def used() -> dict[str, int]:
        held = api.get(f"/v2/concurrency_limits/deployment:{limited}")["active_slots"]
        return {"deployment": held, SLOTS: api.get(f"/v2/concurrency_limits/{SLOTS}")["active_slots"]}

    try:
        eventually(lambda: used()["deployment"] == 0, 2, "the deployment's slots are free")
        eventually(lambda: not any(used().values()), 75, "all slots are free", every=0.5)
    except AssertionError as error:
        verdict.slots.append(f"{error}: {used()}")
