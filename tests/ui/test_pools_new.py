"""The wizard for a new pool: its types, its form beside the JSON, what it refuses, and what it says to do next."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.ui.conftest import Browser, Shown, text_of
from tests.ui.lifelike import Day
from tests.ui.test_pools import sent_by

NEXT = {
    "process": "penstock worker start --pool fresh",
    "kubernetes": "penstock worker start --pool fresh",
    "prefect-agent": "penstock agent start --pool fresh",
}
"""What a new pool of a type says to start."""


async def filled(browser: Browser, kind: str, **fields: Any) -> Shown:
    """The form of a type, sent as it stands but for some fields."""
    form = await browser.get(f"/pools/new?type={kind}")
    return await browser.post("/pools/new", {"action": "save", **sent_by(form.text), "name": "fresh", **fields})


async def read(browser: Browser, name: str = "fresh") -> Any:
    return await Day(browser.app).call("GET", f"/work_pools/{name}")


async def test_every_type_says_what_it_is_for_and_that_of_agents_is_marked(browser: Browser) -> None:
    page = await browser.get("/pools/new")
    for kind in ("process", "docker", "kubernetes", "ecs", "ecs:push", "cloud-run-v2:push", "prefect-agent"):
        assert f'href="/pools/new?type={kind.replace(":", "%3A")}"' in page.text, kind
    text = text_of(page)
    assert text.index("A worker runs them") < text.index("The server starts them") < text.index("Prefect Agent legacy")
    assert "another type" in text_of(await browser.get("/pools/new?type=prefect-agent"))


@pytest.mark.parametrize(("kind", "command"), NEXT.items(), ids=list(NEXT))
async def test_the_command_to_start_next_is_shown_once_a_pool_is_saved(
    browser: Browser, kind: str, command: str
) -> None:
    made = await filled(browser, kind)
    assert (made.status, made.headers["location"]) == (303, "/pools/fresh")
    page = await browser.get("/pools/fresh")
    assert f'data-copy="{command}"' in page.text
    assert "The pool fresh was made. Start a" in text_of(page)


async def test_a_pool_that_the_server_works_on_asks_for_no_command(browser: Browser) -> None:
    await filled(browser, "docker:push")
    page = await browser.get("/pools/fresh")
    assert "no worker is needed" in text_of(page)
    assert "start --pool" not in page.text


async def test_details_and_defaults_are_kept_and_the_rest_is_the_types_own(browser: Browser) -> None:
    fields = {
        "f.image": "acme/flows:2",
        "f.env": '{"A": "1"}',
        "f.stream_output": "false",
        "f.container_wait_timeout": "9",
    }
    await filled(browser, "docker", description="Short jobs", limit="3", **fields)
    pool = await read(browser)
    assert (pool["type"], pool["description"], pool["concurrency_limit"]) == ("docker", "Short jobs", 3)
    given = {
        name: one["default"]
        for name, one in pool["base_job_template"]["variables"]["properties"].items()
        if "default" in one
    }
    own = {"auto_remove": False, "privileged": False}
    assert given == {
        **own,
        "image": "acme/flows:2",
        "env": {"A": "1"},
        "stream_output": False,
        "container_wait_timeout": 9,
    }


async def test_the_fields_change_the_json_before_anything_is_saved(browser: Browser) -> None:
    shown = await filled(browser, "docker", action="show", **{"f.image": "acme/flows:2"})
    assert shown.status == 200
    template = json.loads(sent_by(shown.text)["template"])
    assert template["variables"]["properties"]["image"]["default"] == "acme/flows:2"
    assert (await browser.get("/pools/fresh")).status == 404


async def test_json_that_was_changed_by_hand_wins(browser: Browser) -> None:
    template = {
        "job_configuration": {"a": "{{ a }}"},
        "variables": {"type": "object", "properties": {"a": {"type": "string"}}},
    }
    await filled(browser, "process", template=json.dumps(template), **{"f.working_dir": "/lost"})
    assert (await read(browser))["base_job_template"] == template


async def test_credentials_are_chosen_from_the_blocks_that_there_are(browser: Browser) -> None:
    empty = text_of(await browser.get("/pools/new?type=ecs:push"))
    assert "There is no block of the type &#39;aws-credentials&#39; yet." in empty
    assert "The server signs in with it" in empty
    block = await credentials(
        Day(browser.app), {"aws_access_key_id": "a", "aws_secret_access_key": "s", "region_name": "eu"}
    )
    page = await browser.get("/pools/new?type=ecs:push")
    assert f'value="{{&#34;$ref&#34;: {{&#34;block_document_id&#34;: &#34;{block}&#34;}}}}" >prod</option>' in page.text
    chosen = json.dumps({"$ref": {"block_document_id": block}})
    made = await filled(browser, "ecs:push", **{"f.aws_credentials": chosen})
    assert made.status == 303, text_of(made)
    properties = (await read(browser))["base_job_template"]["variables"]["properties"]
    assert properties["aws_credentials"]["default"] == {"$ref": {"block_document_id": block}}


async def test_credentials_that_lack_something_are_refused_beside_their_field(browser: Browser) -> None:
    none = await filled(browser, "ecs:push", description="kept")
    assert (none.status, "kept" in none.text) == (422, True)
    block = await credentials(Day(browser.app), {"region_name": "eu"})
    poor = await filled(
        browser, "ecs:push", **{"f.aws_credentials": json.dumps({"$ref": {"block_document_id": block}})}
    )
    assert poor.status == 422
    for page in (none, poor):
        before, _, after = page.text.partition('id="f.aws_credentials-note"')
        assert "aws-credentials" in after[:300]
        assert before.rstrip().endswith('<p class="note fault"')


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"name": ""}, "A pool needs a name."),
        ({"name": "a/b"}, "can&#39;t be a name"),
        ({"name": "new"}, "choose another name"),
        ({"name": "prefect-own"}, "reserved"),
        ({"name": "taken"}, "already"),
        ({"limit": "many"}, "no whole number"),
        ({"f.container_wait_timeout": "soon"}, "is no whole number"),
        ({"f.container_wait_timeout": "-1"}, "is not more than 0"),
        ({"f.env": "{"}, "This is not JSON"),
        ({"f.env": '{"A": 1}'}, "A: 1 is not of type &#39;string&#39;."),
        ({"template": "{"}, "This is not JSON"),
    ],
    ids=["empty", "slash", "new", "reserved", "taken", "limit", "number", "bound", "json", "inner", "template"],
)
async def test_what_does_not_fit_is_said_and_nothing_is_lost(
    browser: Browser, fields: dict[str, str], fault: str
) -> None:
    await Day(browser.app).pool("taken", "docker")
    heard = await filled(browser, "docker", **{"description": "kept words", "f.image": "kept/image:1", **fields})
    assert heard.status in (403, 409, 422)
    assert fault in text_of(heard)
    assert 'value="kept words"' in heard.text
    assert "kept/image:1" in heard.text


async def test_a_type_that_is_none_leads_back_to_the_types(browser: Browser) -> None:
    assert "where do its jobs run" in text_of(await browser.get("/pools/new?type=nonsense"))
    assert (await browser.post("/pools/new", {"type": "nonsense"})).headers["location"] == "/pools/new"


async def credentials(day: Day, data: dict[str, str]) -> str:
    """A block of AWS credentials called prod."""
    kind = await day.call("GET", "/block_types/slug/aws-credentials")
    wanted = {"block_schemas": {"block_type_id": {"any_": [kind["id"]]}}}
    (schema, *_) = await day.call("POST", "/block_schemas/filter", wanted)
    ids = {"block_type_id": kind["id"], "block_schema_id": schema["id"]}
    made = await day.call("POST", "/block_documents/", {"name": "prod", "data": data, **ids})
    return str(made["id"])
