"""Templates: types kept, what is missing dropped or kept, references listed and put in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.core.templates import (
    BlockReference,
    Found,
    Kind,
    Missing,
    fill,
    placeholders,
    references,
    render,
    resolve,
    unfilled,
    unset,
)
from penstock.errors import TemplateInvalid

VALUES = {"n": 3, "none": None, "text": "a", "deep": {"list": [1, {"x": "y"}]}, "build-image": {"image": "r/i:1"}}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ n }}", 3),
        ("{{n}}", 3),
        ("n is {{ n }}!", "n is 3!"),
        ("{{ none }}", None),
        ("{{ deep.list[1].x }}", "y"),
        ("{{ deep.list[-1] }}", {"x": "y"}),
        ("{{ build-image.image }}", "r/i:1"),
        ("{{ text }}-{{ n }}-{{ nope }}", "a-3-"),
        ({"a": "{{ n }}", "b": "{{ nope }}", "c": ["{{ nope }}", "{{ text }}"]}, {"a": 3, "c": ["a"]}),
        ({"{{ n }}": 1}, {"{{ n }}": 1}),
        ("{{ nope }}", None),
        ("{{ $HOME }}/x{{ $NOPE }}", "/root/x"),
        ({"e": "{{ $NOPE }}"}, {"e": ""}),
        ("{{ prefect.variables.v }} {{ ctx.flow.name }}", "{{ prefect.variables.v }} {{ ctx.flow.name }}"),
        ("{{ prefect.blocks.secret.s }}", "{{ prefect.blocks.secret.s }}"),
        (5, 5),
        ("{ n } {{ two words }}", "{ n } {{ two words }}"),
    ],
)
def test_render(template: Any, expected: Any) -> None:
    assert render(template, VALUES, environment={"HOME": "/root"}) == expected


def test_missing_may_be_kept() -> None:
    template = {"a": "{{ nope }}", "b": "x {{ nope }} {{ n }}", "c": "{{ $NOPE }}"}
    kept = render(template, VALUES, environment={}, missing=Missing.KEEP)
    assert kept == {"a": "{{ nope }}", "b": "x {{ nope }} 3", "c": "{{ $NOPE }}"}
    assert unfilled(template, VALUES) == ["nope"]
    assert unset(["{{ $HOME }} {{ $NOPE }}", "{{ $NOPE }}"], {"HOME": "/"}) == ["NOPE"]


def test_references_are_listed_and_put_in() -> None:
    template = {
        "whole": "{{ prefect.blocks.json.conf }}",
        "path": "{{ prefect.blocks.json.conf.key.inner }}",
        "secret": "token {{ prefect.blocks.secret.s }}",
        "named": "{{ prefect.blocks.secret.s.value }}",
        "region": "{{ prefect.variables.region }}",
        "gone": "[{{ prefect.variables.gone }}]",
        "document": {"$ref": {"block_document_id": "d-1"}},
    }
    needed = references(template)
    assert needed.variables == {"region", "gone"}
    assert needed.documents == {"d-1"}
    assert BlockReference("json", "conf", "key.inner") in needed.blocks
    found = Found(
        blocks={("json", "conf"): {"value": {"key": {"inner": 1}}}, ("secret", "s"): {"value": "hush"}},
        documents={"d-1": {"host": "h"}},
        variables={"region": ["eu"], "gone": None},
    )
    assert resolve(template, found) == {
        "whole": {"key": {"inner": 1}},
        "path": 1,
        "secret": "token hush",
        "named": "hush",
        "region": ["eu"],
        "gone": "[]",
        "document": {"host": "h"},
    }


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ prefect.blocks.secret.nope }}", "no block secret/nope"),
        ("{{ prefect.blocks.json.conf.nope }}", "has no 'nope'"),
        ("x {{ prefect.blocks.json.conf }}", "can't stand within text"),
        ({"$ref": {"block_document_id": "d-9"}}, "no block document d-9"),
        ("{{ prefect.blocks.secret }}", "must be"),
    ],
)
def test_unresolvable_is_refused(template: Any, reason: str) -> None:
    with pytest.raises(TemplateInvalid, match=reason):
        resolve(template, Found(blocks={("json", "conf"): {"a": 1}}))


def test_blocks_may_stay_references() -> None:
    template = {
        "a": "{{ prefect.blocks.secret.s }}{{ prefect.variables.v }}",
        "b": {"$ref": {"block_document_id": "d"}},
    }
    kept = resolve(template, Found(variables={"v": 1}), keep_blocks=True)
    assert kept == {"a": "{{ prefect.blocks.secret.s }}1", "b": {"$ref": {"block_document_id": "d"}}}


def test_no_value_is_read_as_a_template_again() -> None:
    sly = "{{ prefect.blocks.secret.s }} {{ $HOME }} {{ x }} {{ prefect.variables.v }}"
    found = Found(
        blocks={("secret", "s"): {"value": "hush"}, ("json", "sly"): {"value": sly}},
        documents={"d": {"inner": sly}},
        variables={"v": "v", "sly": sly},
    )
    template = {
        "output": "{{ x }}",
        "within": "a {{ x }} b",
        "environment": "{{ $X }}",
        "block": "{{ prefect.blocks.json.sly }}",
        "variable": "{{ prefect.variables.sly }}",
        "document": {"$ref": {"block_document_id": "d"}},
    }
    done = fill(template, {"x": sly}, found, environment={"X": sly, "HOME": "/"})
    assert done == dict.fromkeys(template, sly) | {"within": f"a {sly} b", "document": {"inner": sly}}
    references_only = {name: template[name] for name in ("block", "variable", "document")}
    assert resolve(references_only, found) == {name: done[name] for name in references_only}


def test_a_run_can_not_be_named_after_a_secret() -> None:
    found = Found(blocks={("secret", "key"): {"value": "{{ ctx.flow.name }}"}})
    context = {"flow": {"name": "f"}, "flow_run": {"name": "{{ prefect.blocks.secret.key }}"}}
    template = ["{{ ctx.flow.name }}-{{ ctx.flow_run.name }}{{ ctx.nope }}", "{{ prefect.blocks.secret.key }}"]
    assert resolve(template, found, context=context) == ["f-{{ prefect.blocks.secret.key }}", "{{ ctx.flow.name }}"]
    assert resolve("{{ ctx.flow.name }}", found) == "{{ ctx.flow.name }}"


def test_kinds() -> None:
    template = ["{{ a }} {{ $B }}", {"c": "{{ prefect.blocks.d.e }}{{ prefect.variables.f }}{{ ctx.g }}"}]
    assert [one.kind for one in placeholders(template)] == list(Kind)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_characters="{}"), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(JSON)
def test_what_has_no_placeholders_stays_and_a_whole_one_keeps_any_value(value: Any) -> None:
    assert render(value, {}) == value
    assert render({"k": "{{ v }}"}, {"v": value}) == {"k": value}
    assert not references(value)
