"""Schedules as tables (checked against Prefect 3.8.8's own reckoning) and properties."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.core import schedules
from penstock.errors import ScheduleInvalid
from penstock.wire.schedules import CronSchedule, IntervalSchedule, RRuleSchedule

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPRING = datetime(2026, 3, 28, 20, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 24, 20, tzinfo=UTC)
ROME = "Europe/Rome"


def dates(raw: dict[str, Any], start: datetime, limit: int = 3) -> list[str]:
    found = schedules.occurrences(schedules.parse(raw, now=NOW), start, limit=limit)
    return [f"{date:%m-%dT%H:%M}" for date in found]


@pytest.mark.parametrize(
    ("raw", "start", "expected"),
    [
        # The wall time that never comes, and the one that comes twice.
        ({"cron": "30 2 * * *", "timezone": ROME}, SPRING, ["03-29T00:30", "03-30T00:30", "03-31T00:30"]),
        ({"cron": "30 2 * * *", "timezone": ROME}, AUTUMN, ["10-25T00:30", "10-26T01:30", "10-27T01:30"]),
        ({"rrule": "FREQ=DAILY;BYHOUR=2;BYMINUTE=30", "timezone": ROME}, SPRING, ["03-29T00:30", "03-30T00:30"]),
        ({"cron": "0 9 * * *", "timezone": ROME}, SPRING, ["03-29T07:00", "03-30T07:00"]),
        ({"interval": 86400, "anchor_date": "2026-01-01T09:00:00+01:00", "timezone": ROME}, SPRING, ["03-29T07:00"]),
        ({"interval": 86400, "anchor_date": "2026-01-01T09:00:00+01:00", "timezone": ROME}, NOW, ["06-02T07:00"]),
        ({"interval": 86400, "anchor_date": "2027-01-01T09:00:00+01:00", "timezone": ROME}, NOW, ["06-02T07:00"]),
        (
            {"interval": 3600, "anchor_date": "2026-01-01T00:30:00Z", "timezone": ROME},
            AUTUMN + timedelta(hours=4),
            ["10-25T00:30", "10-25T01:30", "10-25T02:30"],
        ),
        # A day and an hour: the day by the calendar, the hour by the clock.
        ({"interval": 90000, "anchor_date": "2026-03-28T08:00:00Z", "timezone": ROME}, SPRING, ["03-29T08:00"]),
        ({"cron": "0 0 L * *"}, NOW, ["06-30T00:00", "07-31T00:00"]),
        ({"cron": "0 0 * * sun#2"}, NOW, ["06-14T00:00", "07-12T00:00"]),
        ({"cron": "0 0 13 * 5"}, NOW, ["06-05T00:00", "06-12T00:00", "06-13T00:00"]),
        ({"cron": "0 0 13 * 5", "day_or": False}, NOW, ["11-13T00:00", "08-13T00:00"]),
        ({"cron": "* * * * * 15"}, NOW, ["06-01T12:00", "06-01T12:01"]),
        ({"cron": "@daily"}, NOW, ["06-02T00:00"]),
        ({"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;BYHOUR=9"}, NOW, ["06-08T09:00", "06-10T09:00", "06-22T09:00"]),
        ({"rrule": "DTSTART:20260530T090000\nRRULE:FREQ=DAILY;COUNT=4"}, NOW, ["06-02T09:00"]),
        ({"rrule": "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;UNTIL=20260602T090000Z"}, NOW, ["06-02T09:00"]),
        (
            {"rrule": "DTSTART:20260101T090000\nRRULE:FREQ=DAILY\nRDATE:20260602T120000\nEXDATE:20260603T090000"},
            NOW,
            ["06-02T09:00", "06-02T12:00", "06-04T09:00"],
        ),
        (
            {"rrule": "DTSTART;TZID=America/New_York:20260101T090000\nRRULE:FREQ=DAILY", "timezone": ROME},
            NOW,
            ["06-02T07:00"],
        ),
    ],
)
def test_dates(raw: dict[str, Any], start: datetime, expected: list[str]) -> None:
    assert dates(raw, start, max(3, len(expected)))[: len(expected)] == expected


def test_counted_rule_ends() -> None:
    assert dates({"rrule": "DTSTART:20260530T090000\nRRULE:FREQ=DAILY;COUNT=4"}, NOW, 9) == ["06-02T09:00"]


def test_dates_that_never_come_end_at_once() -> None:
    assert dates({"cron": "0 0 30 2 *"}, NOW) == []
    assert dates({"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, NOW) == []
    assert dates({"rrule": "FREQ=DAILY;UNTIL=20200301T000000"}, NOW) == []


def test_both_ends_are_included_and_a_thousand_is_the_most() -> None:
    hourly = schedules.parse({"interval": "01:00:00", "anchor_date": "2026-06-01T00:00:00Z"}, now=NOW)
    found = schedules.occurrences(hourly, NOW, limit=10, end=NOW + timedelta(hours=2))
    assert found == [NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=2)]
    assert len(schedules.occurrences(hourly, NOW, limit=5000)) == 1000
    assert schedules.occurrences(hourly, NOW, limit=0) == []


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (3600, 3600),
        (1.5, 1.5),
        ("90", 90),
        ("01:30:00", 5400),
        ("2 days, 1:00:00", 176400),
        ("PT15M", 900),
        ("P1DT2H", 93600),
        ("P2W", 1209600),
        (timedelta(minutes=1), 60),
    ],
)
def test_interval_forms(value: object, seconds: float) -> None:
    assert schedules.seconds_of(value) == seconds


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ({}, "exactly one of cron, interval and rrule"),
        ({"cron": "* * * * *", "interval": 5}, "exactly one of"),
        ({"cron": "61 * * * *"}, "'61 * * * *' can't be understood"),
        ({"cron": "@reboot"}, "can't be understood"),
        ({"cron": "R * * * *"}, "random or hashed"),
        ({"cron": "H(0-5)/2 * * * *"}, "random or hashed"),
        ({"cron": "* * * * *", "timezone": "Europe/Rom"}, "Did you mean Europe/Rome?"),
        ({"cron": "* * * * *", "timezon": "UTC"}, "Did you mean timezone?"),
        ({"cron": "* * * * *", "day_or": "yes"}, "day_or"),
        ({"interval": 0}, "more than zero"),
        ({"interval": -3}, "more than zero"),
        ({"interval": float("nan")}, "more than zero"),
        ({"interval": 1e20}, "longer than the calendar"),
        ({"interval": "soon"}, "'soon' is not a number of seconds"),
        ({"interval": True}, "True is not a number"),
        ({"interval": 60, "anchor_date": "tomorrow"}, "anchor_date: 'tomorrow'"),
        ({"rrule": "FREQ=NEVER"}, "'FREQ=NEVER' can't be understood"),
        ({"rrule": ""}, "rrule"),
        ({"rrule": "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"}, "names no dates"),
        ({"rrule": "DTSTART:20200101T000000\nDTSTART:20210101T000000\nRRULE:FREQ=DAILY"}, "begins more than once"),
        ({"rrule": "FREQ=DAILY;COUNT=100000000"}, "use UNTIL"),
        ({"rrule": "RRULE:FREQ=DAILY;BYHOUR=" + ",".join(["1"] * 4000)}, "at most 6500"),
    ],
)
def test_refusals_name_value_and_reason(raw: dict[str, Any], reason: str) -> None:
    with pytest.raises(ScheduleInvalid) as caught:
        schedules.parse(raw, now=NOW)
    assert reason in caught.value.message


def test_defaults_as_stored() -> None:
    rule = schedules.parse({"rrule": "FREQ=DAILY"}, now=NOW)
    assert rule == RRuleSchedule(rrule="DTSTART:20200101T000000\nFREQ=DAILY", timezone="UTC")
    assert schedules.parse({"cron": "@daily"}, now=NOW) == CronSchedule(cron="@daily")
    assert schedules.parse({"interval": 5}, now=NOW) == IntervalSchedule(interval=5, anchor_date=NOW, timezone="UTC")


ZONES = st.sampled_from(["UTC", ROME, "America/New_York", "Pacific/Apia", "Australia/Lord_Howe", "Asia/Kathmandu"])
STARTS = st.datetimes(datetime(2009, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
CRONS = st.sampled_from(
    ["*/7 * * * *", "30 2 * * *", "0 */5 * * mon-fri", "15,45 1-3 * * *", "0 0 1 * *", "*/9 2 * * 0"]
)
RRULES = st.sampled_from(
    [
        "FREQ=HOURLY;INTERVAL=7",
        "FREQ=MINUTELY;INTERVAL=13",
        "FREQ=DAILY;BYHOUR=1,2,3;BYMINUTE=0,30",
        "FREQ=WEEKLY",
        "FREQ=MONTHLY;BYDAY=2TU",
        "FREQ=WEEKLY;INTERVAL=3;BYDAY=SU;BYHOUR=2;BYMINUTE=30",
        "FREQ=DAILY;COUNT=4000",
    ]
)
INTERVALS = st.one_of(st.integers(1, 10**7), st.floats(0.001, 10**6), st.sampled_from([86400, 90000, 604800]))


@st.composite
def any_schedule(draw: st.DrawFn) -> schedules.Schedule:
    kind, zone = draw(st.sampled_from(["cron", "rrule", "interval"])), draw(ZONES)
    if kind == "interval":
        anchor = draw(STARTS)
        return schedules.parse({kind: draw(INTERVALS), "anchor_date": anchor, "timezone": zone}, now=NOW)
    return schedules.parse({kind: draw(CRONS if kind == "cron" else RRULES), "timezone": zone}, now=NOW)


@settings(max_examples=200)
@given(any_schedule(), STARTS, st.integers(1, 12))
def test_dates_rise_and_do_not_depend_on_when_one_asks(
    schedule: schedules.Schedule, start: datetime, limit: int
) -> None:
    found = schedules.occurrences(schedule, start, limit=limit)
    assert len(found) <= limit
    assert all(date >= start for date in found)
    assert all(earlier < later for earlier, later in pairwise(found))
    for index, date in enumerate(found):
        assert schedules.occurrences(schedule, date, limit=limit - index) == found[index:]
