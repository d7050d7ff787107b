"""How people say when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from penstock.cli.console import Failure, ago
from penstock.cli.moments import after, at

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("10 minutes", 600),
        ("in 10 minutes", 600),
        ("1h30m", 5400),
        ("1 hour and 30 minutes", 5400),
        ("2 days, 3 hours", 183600),
        ("1.5h", 5400),
        ("1w", 604800),
    ],
)
def test_a_stretch_of_time(text: str, seconds: float) -> None:
    assert after(text, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "in", "10 parsecs", "1 month", "-5"])
def test_what_is_no_stretch_of_time(text: str) -> None:
    with pytest.raises(Failure, match="stretch of time"):
        after(text, NOW)


def test_a_moment_with_a_zone() -> None:
    assert at("2026-02-01T08:00+02:00", NOW) == datetime(2026, 2, 1, 6, 0, tzinfo=UTC)


def test_a_moment_without_a_zone_is_local() -> None:
    assert at("2026-02-01 08:00", NOW) == datetime(2026, 2, 1, 8, 0).astimezone()


@pytest.mark.parametrize(("text", "hour"), [("17:30", 17), ("5pm", 17), ("12am", 0), ("5:30 am", 5)])
def test_a_time_of_day_is_the_next_one(text: str, hour: int) -> None:
    moment = at(text, NOW)
    assert moment.hour == hour
    assert NOW < moment <= NOW + timedelta(days=1)


@pytest.mark.parametrize("text", ["", "tomorrow-ish", "25:00", "2026-13-01"])
def test_what_is_no_moment(text: str) -> None:
    with pytest.raises(Failure, match="the time"):
        at(text, NOW)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "now"), (1, "1s ago"), (150, "2m ago"), (-7200, "in 2h"), (90000, "1d ago")],
)
def test_how_long_ago(seconds: float, said: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == said
