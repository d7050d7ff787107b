"""Two templates are compared path by path."""

from __future__ import annotations

from penstock.core.template_changes import TemplateChange, template_changes


def test_each_difference_is_named_once_at_its_place() -> None:
    before = {"variables": {"properties": {"a": {"default": 1}, "gone": {}}}, "job_configuration": {"x": [1, 2]}}
    after = {
        "variables": {"properties": {"a": {"default": 2}, "new": {"type": "string"}}},
        "job_configuration": {"x": [1]},
    }
    assert template_changes(before, after) == [
        TemplateChange("~", "job_configuration.x", [1, 2], [1]),
        TemplateChange("~", "variables.properties.a.default", 1, 2),
        TemplateChange("-", "variables.properties.gone", before={}),
        TemplateChange("+", "variables.properties.new", after={"type": "string"}),
    ]


def test_equal_templates_differ_in_nothing() -> None:
    assert template_changes({"a": {"b": [1]}}, {"a": {"b": [1]}}) == []
