"""Base job templates: what a pool may have, what a job becomes, what is refused and how it is said."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from penstock.core import job_templates
from penstock.errors import InvalidRequest, TemplateInvalid

DATA = Path(job_templates.__file__).parent.parent / "infra" / "data" / "worker_types.json"
BUILT_IN = {
    kind: data["default_base_job_configuration"]
    for collection in json.loads(DATA.read_text()).values()
    for kind, data in collection.items()
}

TEMPLATE: dict[str, Any] = {
    "job_configuration": {
        "command": "{{ command }}",
        "env": "{{ env }}",
        "image": "{{ image }}",
        "limits": {"cpu": "{{ cpu }}", "memory": "{{ memory }}Mi"},
        "deep": "{{ deep }}",
        "name": "{{ ctx.flow_run.name }}",
        "home": "{{ $HOME }}",
        "secret": "{{ prefect.blocks.secret.s }}",
    },
    "variables": {
        "type": "object",
        "properties": {
            "command": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
            "env": {
                "type": "object",
                "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]},
                "default": {"A": "pool", "B": "pool"},
            },
            "image": {"type": "string", "default": "i:1"},
            "cpu": {"type": "integer", "minimum": 1},
            "memory": {"type": "integer", "default": 64},
            "deep": {"type": "object", "default": {"p": {"q": 1}, "keep": 2}},
            "policy": {"$ref": "#/definitions/Policy"},
        },
        "required": ["cpu"],
        "definitions": {"Policy": {"enum": ["Always", "Never"], "type": "string"}},
    },
}


def test_a_job_is_pool_then_deployment_then_run() -> None:
    deployment = {"cpu": 2, "env": {"B": "deployment", "C": "deployment"}, "image": "i:2"}
    run = {"env.C": "run", "image": "i:3", "command": "go"}
    job = job_templates.job_configuration(TEMPLATE, deployment, run, environment={"HOME": "/h"})
    assert job == {
        "command": "go",
        "env": {"A": "pool", "B": "deployment", "C": "run"},
        "image": "i:3",
        "limits": {"cpu": 2, "memory": "64Mi"},
        "deep": {"p": {"q": 1}, "keep": 2},
        "name": "{{ ctx.flow_run.name }}",
        "home": "/h",
        "secret": "{{ prefect.blocks.secret.s }}",
    }


def test_what_has_no_value_is_dropped_and_null_defaults_are_no_value() -> None:
    job = job_templates.job_configuration(TEMPLATE)
    assert "command" not in job
    assert job["limits"] == {"memory": "64Mi"}


def test_dotted_names_nest_within_their_own_level_only() -> None:
    assert job_templates.values(TEMPLATE, {"deep.p.q": 9})["deep"] == {"p": {"q": 9}}
    assert job_templates.nested({"a": {"x": 1}, "a.y": 2}) == {"a": {"x": 1, "y": 2}}
    assert job_templates.nested({"a": 1, "a.y": 2}) == {"a": {"y": 2}}


def test_nesting_leaves_the_given_mapping_alone() -> None:
    given = {"a": {"x": {"k": 1}}, "a.x.l": 2}
    job_templates.nested(given)
    assert given == {"a": {"x": {"k": 1}}, "a.x.l": 2}


def test_environment_written_into_the_configuration_lies_lowest() -> None:
    template = {"job_configuration": {"env": {"A": "fixed", "Z": "fixed"}}, "variables": TEMPLATE["variables"]}
    job = job_templates.job_configuration(template, {"env": {"B": "d"}})
    assert job["env"] == {"A": "pool", "Z": "fixed", "B": "d"}


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        ({"cpu": "two"}, "cpu does not fit: 'two' is not of type 'integer'"),
        ({"cpu": 0}, "cpu does not fit: 0 is not at least 1"),
        ({"env": {"A": 5}}, "env does not fit: 5 is not of type 'string' (at env.A)"),
        ({"env.A": 5}, "env does not fit: 5 is not of type 'string' (at env.A)"),
        (
            {"policy": "Alway"},
            "policy does not fit: 'Alway' is not one of ['Always', 'Never']; did you mean 'Always'?",
        ),
    ],
)
def test_ill_typed_variables(variables: dict[str, Any], text: str) -> None:
    assert [job_templates.fault_text(one) for one in job_templates.unfit(TEMPLATE, variables)] == [text]


def test_what_is_required_is_asked_of_runs_only() -> None:
    assert job_templates.unfit(TEMPLATE, {}) == []
    (fault,) = job_templates.unfit(TEMPLATE, {}, {}, required=True)
    assert fault.rule == "required"
    assert job_templates.fault_text(fault) == "the job variable 'cpu' is needed, and nothing gives it a value"
    assert job_templates.unfit(TEMPLATE, {"cpu": 1}, {}, required=True) == []


def test_null_takes_a_variable_with_a_default_back() -> None:
    assert job_templates.unfit(TEMPLATE, {"image": None, "memory": None, "cpu": 1}, required=True) == []
    assert job_templates.unfit(TEMPLATE, {"cpu": None})[0].path == ("cpu",)


def test_references_to_blocks_pass() -> None:
    given = {"cpu": {"$ref": {"block_document_id": "x"}}}
    assert job_templates.unfit(TEMPLATE, given, required=True) == []


def test_pools_without_template_check_nothing() -> None:
    assert job_templates.unfit({}, {"anything": 1}, required=True) == []


def test_a_variable_that_takes_any_value_has_no_default() -> None:
    template = {"job_configuration": {"a": "{{ a }}"}, "variables": {"properties": {"a": True}}}
    job_templates.check_template(template)
    assert job_templates.defaults(template) == {}
    assert job_templates.unfit(template, {"a": [1]}) == []
    assert job_templates.job_configuration(template, {"a": [1]}) == {"a": [1]}


def test_misspelt_variables_are_told() -> None:
    (fault,) = job_templates.misspelt(TEMPLATE, {"imge": "x", "totally_other": 1, "env.A": "x"})
    assert str(fault) == "imge: 'imge' is not a variable of the pool; did you mean 'image'?"
    open_to_all = {**TEMPLATE, "variables": {**TEMPLATE["variables"], "additionalProperties": True}}
    assert job_templates.misspelt(open_to_all, {"imge": "x"}) == []


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ({"nope": 1}, "has two parts, `job_configuration` and `variables`"),
        ({"job_configuration": {"x": "{{ a }} {{ b[0] }}"}, "variables": {"properties": {}}}, "uses a, b, which"),
        ({"job_configuration": [], "variables": {}}, "must be objects"),
    ],
)
def test_templates_that_a_pool_may_not_have(template: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest, match=text) as caught:
        job_templates.check_template(template)
    assert caught.value.loc == ("base_job_template",)


@pytest.mark.parametrize(
    ("variables", "text"),
    [
        (
            {"properties": {"n": {"type": "intger"}}},
            "properties.n.type: 'intger' is not a type of JSON schemas; did you",
        ),
        (
            {"properties": {"n": {"type": ["string", 5]}}},
            "properties.n.type: 5 is not a type of JSON schemas; there are",
        ),
        ({"properties": {"n": {"maximum": "four"}}}, "properties.n.maximum: 'four' is not a number"),
        ({"properties": {"n": {"maxLength": -1}}}, "properties.n.maxLength: -1 is not a whole number of at least 0"),
        ({"properties": {"n": {"enum": "a"}}}, "properties.n.enum: 'a' is not a list"),
        ({"properties": {"n": {"pattern": "("}}}, "properties.n.pattern: '(' is not a regular expression"),
        ({"properties": {"n": {"anyOf": [{"required": True}]}}}, "n.anyOf[0].required: True is not a list of names"),
        ({"properties": {"n": {"anyOf": {}}}}, "properties.n.anyOf: {} is not a list of schemas"),
        ({"properties": {"n": "string"}}, "properties.n: 'string' is not a schema, which is an object"),
        ({"properties": ["n"]}, "properties: ['n'] is not an object of schemas"),
        ({"properties": {"n": {}}, "required": ["m", "nn"]}, "required: 'm' is none of the properties"),
        ({"definitions": {"d": {"items": [{"type": 1}]}}}, "definitions.d.items[0].type: 1 is not a type"),
    ],
)
def test_rules_that_are_none(variables: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidRequest, match=re.escape(text)):
        job_templates.check_template({"job_configuration": {}, "variables": variables})


def test_defaults_must_fit_their_own_schema() -> None:
    variables = {"properties": {"n": {"type": "integer", "default": "x"}}}
    with pytest.raises(TemplateInvalid, match="The default of n does not fit"):
        job_templates.check_template({"job_configuration": {}, "variables": variables})


@pytest.mark.parametrize("kind", BUILT_IN)
def test_built_in_templates_pass_their_own_checks(kind: str) -> None:
    job_templates.check_template(BUILT_IN[kind])
