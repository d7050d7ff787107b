"""Flags laid over what the file says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from penstock.deploy.options import Options, laid_over
from penstock.errors import DeployFailed

FILE: dict[str, Any] = {
    "name": "d",
    "tags": ["file"],
    "parameters": {"a": 1, "b": 2},
    "schedules": [{"cron": "@daily"}],
    "work_pool": {"name": "p", "work_queue_name": "q", "job_variables": {"env": {"A": "file"}}},
}


@pytest.mark.parametrize(
    ("options", "key", "expected"),
    [
        (Options(), "tags", ["file"]),
        (Options(tags=("x", "y")), "tags", ["x", "y"]),
        (Options(param=("b=3", "c=text", 'd={"x": [1]}', "e=a=b")), "parameters", "merged"),
        (Options(params='{"b": null}'), "parameters", {"a": 1, "b": None}),
        (Options(job_variables=("env.A=1", "image=i:1")), "work_pool", {"env.A": "1", "image": "i:1"}),
        (Options(job_variables=('env={"B":"2"}', "cpu=4")), "work_pool", {"env": {"B": "2"}, "cpu": "4"}),
        (Options(job_variables=('{"env": {"B": 2}}',)), "work_pool", {"env": {"B": 2}}),
        (Options(cron=("* * * * *",), timezone="Europe/Rome"), "schedules", "zoned"),
        (Options(interval=("900",), anchor_date="2026-01-01"), "schedules", "anchored"),
        (Options(concurrency_limit=2), "concurrency_limit", 2),
        (
            Options(concurrency_limit=2, collision_strategy="cancel_new"),
            "concurrency_limit",
            {"limit": 2, "collision_strategy": "CANCEL_NEW"},
        ),
        (Options(enforce_parameter_schema=False), "enforce_parameter_schema", False),
        (Options(triggers=('{"expect": ["x"]}',)), "triggers", [{"expect": ["x"]}]),
        (Options(entrypoint="a.py:f", version="2"), "entrypoint", "a.py:f"),
    ],
)
def test_flags(options: Options, key: str, expected: Any) -> None:
    zoned = [{"cron": "@daily", "timezone": "Europe/Rome"}, {"cron": "* * * * *", "timezone": "Europe/Rome"}]
    named = {
        "merged": {"a": 1, "b": 3, "c": "text", "d": {"x": [1]}, "e": "a=b"},
        "zoned": zoned,
        "anchored": [{"cron": "@daily"}, {"interval": "900", "anchor_date": "2026-01-01"}],
    }
    found = laid_over(FILE, options)[key]
    if key == "work_pool":
        assert found["name"] == "p"
        found = found["job_variables"]
    assert found == (named[expected] if isinstance(expected, str) and expected in named else expected)


def test_pool_and_queue_and_what_was_given() -> None:
    options = Options(pool="other", work_queue="fast")
    found = laid_over(FILE, options)["work_pool"]
    assert found == {"name": "other", "work_queue_name": "fast", "job_variables": {"env": {"A": "file"}}}
    assert options.given() == ["pool", "work_queue"]


def test_triggers_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text("triggers:\n- {expect: [x]}\n")
    assert laid_over({}, Options(triggers=(f"{tmp_path}/t.yaml",)))["triggers"] == [{"expect": ["x"]}]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (Options(param=("a",)), "must be key=value"),
        (Options(params="[1]"), "must be a JSON object"),
        (Options(params="{"), "is not JSON"),
        (Options(param=("a=1",), params="{}"), "not both"),
        (Options(job_variables=("=x",)), "must be key=value"),
        (Options(anchor_date="2026-01-01"), "belongs to an --interval"),
        (Options(triggers=("nope",)), "must be JSON, or the path"),
        (Options(triggers=("nope.yaml",)), "can't be read"),
    ],
)
def test_flags_that_can_not_be_understood(options: Options, reason: str) -> None:
    with pytest.raises(DeployFailed, match=reason):
        laid_over({}, options)
