"""Changes in words: what a value's own terms are."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import UNSET

from penstock.core.change_words import words
from penstock.core.owners import Change, Owner

EVENT = {"type": "event", "posture": "Reactive", "threshold": 1, "within": 0.0}
RULE = {"cron": "0 6 * * *", "timezone": "Europe/Rome", "day_or": True}


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (Change("tags", UNSET, "a"), '+ tags: "a"'),
        (Change("tags", "a", UNSET), '- tags: "a"'),
        (Change("n", 1, 2, note="changed on the server too"), "~ n: 1 -> 2 (file wins: changed on the server too)"),
        (Change("n", 1, 1, Owner.SERVER, "added on the server"), "= n: 1 (kept: added on the server)"),
        (Change("x", UNSET, "y" * 200), '+ x: "' + "y" * 96 + "..."),
        (Change("schedules[cron 0 6 * * * (Europe/Rome)]", UNSET, RULE), "+ schedules[cron 0 6 * * * (Europe/Rome)]"),
        (
            Change("schedules[six]", UNSET, {**RULE, "active": False, "parameters": {"n": 1}}),
            '+ schedules[six]: cron 0 6 * * * (Europe/Rome), not active, with {"n":1}',
        ),
        (
            Change("schedules[six].rule", RULE, {"interval": 5400.0, "anchor_date": "2026-01-01"}),
            "~ schedules[six].rule: cron 0 6 * * * (Europe/Rome) -> every 90 minutes, counted from 2026-01-01",
        ),
        (Change("schedules[w]", {"rrule": "FREQ=WEEKLY"}, UNSET), "- schedules[w]: rrule FREQ=WEEKLY"),
        (
            Change("schedules[w]", UNSET, {"rrule": "DTSTART:20200101T000000\nFREQ=WEEKLY"}),
            "+ schedules[w]: rrule DTSTART:20200101T000000 FREQ=WEEKLY",
        ),
        (Change("automations[a].enabled", True, False), "~ automations[a].enabled: true -> false"),
    ],
)
def test_a_change_is_one_line(change: Change, line: str) -> None:
    assert words(change) == line


@pytest.mark.parametrize(
    ("trigger", "text"),
    [
        ({**EVENT, "expect": ["a.b"]}, "on a.b"),
        ({**EVENT, "expect": []}, "on any event"),
        ({**EVENT, "expect": ["a", "b"], "threshold": 3, "within": 120.0}, "on a or b 3 times within 2 minutes"),
        ({**EVENT, "expect": ["a"], "posture": "Proactive", "within": 45.0}, "unless a within 45 s"),
        (
            {"type": "compound", "require": 2, "triggers": [{**EVENT, "expect": ["a"]}, {**EVENT, "expect": ["b"]}]},
            "2 of: on a; on b",
        ),
        (
            {"type": "sequence", "triggers": [{**EVENT, "expect": ["a"]}, {**EVENT, "expect": ["b"]}]},
            "in order: on a; on b",
        ),
    ],
)
def test_a_trigger_in_its_own_terms(trigger: dict[str, Any], text: str) -> None:
    assert words(Change("automations[x]", UNSET, {"trigger": trigger})) == f"+ automations[x]: {text}"
