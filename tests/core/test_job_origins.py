"""Each value of a job says where it is from."""

from __future__ import annotations

from penstock.core.job_origins import origins

TEMPLATE = {
    "job_configuration": {"env": {"FIXED": "1", "A": "below"}, "image": "{{ image }}"},
    "variables": {
        "properties": {
            "image": {"default": "base"},
            "cpu": {"default": 1},
            "memory": {"default": None},
            "env": {"default": {"A": "pool", "B": "pool"}},
        }
    },
}


def test_the_strongest_source_wins_and_env_is_merged_by_name() -> None:
    found = origins(TEMPLATE, {"cpu": 2, "env": {"B": "deployment"}}, {"env.C": "run", "image": "mine"})
    assert [(one.name, one.value, one.source) for one in found] == [
        ("cpu", 2, "deployment"),
        ("image", "mine", "run"),
        ("env.A", "pool", "pool"),
        ("env.B", "deployment", "deployment"),
        ("env.C", "run", "run"),
        ("env.FIXED", "1", "fixed"),
    ]


def test_an_empty_template_gives_nothing_of_its_own() -> None:
    assert origins({}) == []
