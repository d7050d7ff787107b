"""The catalogue's pages with real rows behind them: flows, variables, limits, artifacts, events, blocks."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from penstock.store import event_lists
from penstock.ui.sections import sections
from tests.ui.conftest import Browser, Shown, text_of
from tests.ui.lifelike import Day

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>"
GHOST = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def day(browser: Browser) -> Day:
    """A pool, a deployment and some runs."""
    one = Day(browser.app)
    await one.pool("warehouse", "process")
    await one.deployment("daily-sales", "prod", "warehouse", tags=["sales"])
    await one.run("daily-sales/prod", timedelta(minutes=9), "COMPLETED", name="good-run")
    await one.run("daily-sales/prod", timedelta(minutes=-30), "SCHEDULED", name="next-run")
    return one


def where(page: Shown) -> str:
    """Where an answer sends the browser."""
    assert page.status == 303, page.text
    return page.headers["location"]


async def test_an_empty_catalogue_says_the_next_command(browser: Browser) -> None:
    commands = {
        "/flows": "penstock deploy",
        "/variables": "penstock variable set",
        "/artifacts": "create_markdown_artifact",
        "/blocks": "penstock block create",
        "/limits": "penstock global-concurrency-limit create",
    }
    for path, command in commands.items():
        assert command in text_of(await browser.get(path)), path


async def test_the_navigation_leads_to_every_section_and_says_its_key(browser: Browser) -> None:
    page = await browser.get("/variables")
    for path, key in (("/", "o"), ("/runs", "r"), ("/flows", "f"), ("/variables", "v")):
        assert f'<a href="{path}" data-go="{key}"' in page.text
    assert '<a href="/variables" data-go="v" aria-current="page">' in page.text
    assert page.text.count("aria-current") == 1
    assert "g v Variables" in text_of(page)


async def test_every_section_has_a_page_a_key_and_an_icon_of_its_own(browser: Browser) -> None:
    page = await browser.get("/")
    shown = sections()
    for one in shown:
        assert (await browser.get(one.path)).status == 200, one
        assert f'data-go="{one.key}"' in page.text
        assert not icon_of(page, one.path).endswith('aria-hidden="true"></svg>'), one
    assert len({one.key for one in shown}) == len({icon_of(page, one.path) for one in shown}) == len(shown)


def icon_of(page: Shown, path: str) -> str:
    """The picture beside a section's name."""
    return page.text.partition(f'<a href="{path}" data-go')[2].partition("<svg")[2].partition("<span")[0]


async def test_flows_are_listed_with_their_deployments_and_runs(browser: Browser, day: Day) -> None:
    page = await browser.get("/flows")
    assert "daily-sales" in text_of(page)
    assert f"/deployments/{day.deployments['daily-sales/prod']}" in page.text
    assert "good-run: Completed" in text_of(page)
    assert "next-run: Scheduled" not in text_of(page), "what is to come is no result"
    assert "in 29 min" in text_of(page) or "in 30 min" in text_of(page)
    assert "No flow fits" in text_of(await browser.get("/flows?name=nothing"))
    assert "daily-sales" in text_of(await browser.get("/flows?name=sales"))


async def test_a_flow_shows_its_runs_and_what_comes(browser: Browser, day: Day) -> None:
    text = text_of(await browser.get(f"/flows/{day.flows['daily-sales']}"))
    for words in ("good-run", "next-run", "prod", "warehouse"):
        assert words in text, words
    assert (await browser.get(f"/flows/{GHOST}")).status == 404
    assert (await browser.get("/flows/nonsense")).status == 404


async def test_a_flow_is_deleted_after_one_more_question(browser: Browser, day: Day) -> None:
    path = f"/flows/{day.flows['daily-sales']}"
    asked = await browser.post(f"{path}/delete")
    assert "Delete the flow daily-sales?" in text_of(asked)
    assert "prod" in text_of(asked)
    assert (await browser.get(path)).status == 200
    assert where(await browser.post(f"{path}/delete", {"sure": "yes"})) == "/flows"
    assert (await browser.get(path)).status == 404
    assert (await browser.get(f"/runs/{day.runs['good-run']}")).status == 404


async def test_a_variable_is_made_changed_and_deleted(browser: Browser, day: Day) -> None:
    made = {"name": "region", "kind": "text", "value": "eu\r\nwest", "tags": "a, b, a"}
    assert where(await browser.post("/variables/new", made)) == "/variables"
    assert "The variable region was made." in text_of(await browser.get("/variables"))
    one = await day.call("GET", "/variables/name/region")
    assert (one["value"], one["tags"]) == ("eu\nwest", ["a", "b"])
    changed = {"name": "place", "kind": "json", "value": '{"lat": 52.5, "open": true}', "tags": ""}
    await browser.post(f"/variables/{one['id']}", changed)
    assert (await day.call("GET", "/variables/name/place"))["value"] == {"lat": 52.5, "open": True}
    assert "lat" in text_of(await browser.get("/variables?name=pla"))
    assert "No variable fits" in text_of(await browser.get("/variables?tag=a"))
    assert where(await browser.post(f"/variables/{one['id']}/delete")) == "/variables"
    assert (await browser.get(f"/variables/{one['id']}")).status == 404


async def test_a_variable_that_does_not_fit_keeps_what_was_written(browser: Browser, day: Day) -> None:
    wrong = await browser.post("/variables/new", {"name": "x", "kind": "json", "value": "{oops"})
    assert wrong.status == 422
    assert "The value is not JSON" in text_of(wrong)
    assert "{oops" in wrong.text
    assert (await browser.post("/variables/new", {"name": "Bad Name", "value": "1"})).status == 422
    await browser.post("/variables/new", {"name": "twice", "value": "1"})
    again = await browser.post("/variables/new", {"name": "twice", "value": "2"})
    assert again.status == 409
    assert "already" in text_of(again)


async def test_names_stay_text(browser: Browser, day: Day) -> None:
    flow = (await day.call("POST", "/flows/", {"name": '"quoted" 名前', "tags": [EVIL]}))["id"]
    await day.call("POST", "/variables/", {"name": "evil", "value": EVIL, "tags": [EVIL, "ß" * 400]})
    variable = (await day.call("GET", "/variables/name/evil"))["id"]
    markdown = f"{EVIL} [x](javascript:alert(1)) ![y](data:text/html,x)"
    shown = await artifact(day, key="evil", type="markdown", data=markdown, description=EVIL)
    table = await artifact(day, key="evil-table", type="table", data=[{EVIL: EVIL}])
    image = await artifact(day, key="evil-image", type="image", data=f"https://x.example/{EVIL}")
    await day.call("POST", "/concurrency_limits/", {"tag": EVIL, "concurrency_limit": 1})
    limit = (await day.call("POST", "/concurrency_limits/filter", {}))[0]["id"]
    evil = {"id": str(uuid4()), "occurred": at_minute(day, 5), "event": EVIL, "payload": {EVIL: EVIL}}
    thing = {"prefect.resource.id": EVIL, "prefect.resource.name": EVIL, EVIL: EVIL}
    await day.call(
        "POST", "/events", [{**evil, "resource": thing, "related": [{**thing, "prefect.resource.role": EVIL}]}]
    )
    block = await stored(day, "json", "evil", value={EVIL: EVIL})
    kind = {"name": "Evil", "slug": "evil", "description": EVIL, "code_example": EVIL}
    kind_id = (await day.call("POST", "/block_types/", kind))["id"]
    schema = {"properties": {EVIL: {"type": "string", "title": EVIL, "description": EVIL, "default": EVIL}}}
    await day.call("POST", "/block_schemas/", {"block_type_id": kind_id, "fields": schema, "capabilities": [EVIL]})
    pages = [f"/blocks/{block}", f"/blocks/{block}/edit", "/blocks/catalog"]
    pages += ["/blocks/catalog/evil", "/blocks/catalog/evil/create"]
    pages += ["/events", f"/events/{evil['id']}"]
    pages += [*(f"/artifacts/{id}" for id in (shown, table, image)), "/artifacts", "/limits", f"/limits/{limit}"]
    pages += ["/flows", f"/flows/{flow}", "/variables", f"/variables/{variable}"]
    for path in pages:
        page = await browser.get(path)
        assert page.status == 200, path
        assert "<script>alert" not in page.text, path
        assert "<img" not in page.text.replace('<img src="/static', ""), path
        assert 'href="javascript' not in page.text, path
        assert "&lt;script&gt;" in page.text, path


async def take(day: Day, name: str, slots: int, **holder: str) -> str:
    body = {"slots": slots, "names": [name], "holder": holder or None}
    return str((await day.call("POST", "/v2/concurrency_limits/increment-with-lease", body))["lease_id"])


async def test_a_limit_is_made_and_shows_who_holds_it(browser: Browser, day: Day) -> None:
    made = {"kind": "named", "name": "database", "limit": "5", "decay": "0"}
    path = where(await browser.post("/limits/new", made))
    await take(day, "database", 2, type="flow_run", id=day.runs["next-run"])
    await day.call("POST", "/v2/concurrency_limits/increment", {"slots": 1, "names": ["database"]})
    for page in (await browser.get("/limits"), await browser.get(path)):
        text = text_of(page)
        assert "3 of 5" in text
        assert "next-run" in text
        assert "without a lease" in text
        assert f"/runs/{day.runs['next-run']}" in page.text


async def test_a_limit_on_a_tag_leads_to_the_task_runs_that_hold_it(browser: Browser, day: Day) -> None:
    run = day.runs["good-run"]
    task = {"flow_run_id": run, "task_key": "t", "dynamic_key": "0", "name": "load-0"}
    task_run = (await day.call("POST", "/task_runs/", task))["id"]
    path = where(await browser.post("/limits/new", {"kind": "tag", "name": "db", "limit": "1"}))
    await day.call("POST", "/concurrency_limits/increment", {"names": ["db"], "task_run_id": task_run})
    page = await browser.get(path)
    assert "load-0" in text_of(page)
    assert f"/runs/{run}#tasks" in page.text
    await browser.post(f"{path}/reset")
    assert "Nobody holds a slot" in text_of(await browser.get(path))
    assert where(await browser.post(f"{path}/delete")) == "/limits"
    assert (await browser.get(path)).status == 404


async def test_one_holder_is_freed_or_all(browser: Browser, day: Day) -> None:
    path = where(await browser.post("/limits/new", {"kind": "named", "name": "gpu", "limit": "4"}))
    first = await take(day, "gpu", 1)
    await take(day, "gpu", 1)
    await day.call("POST", "/v2/concurrency_limits/increment", {"slots": 1, "names": ["gpu"]})
    await browser.post(f"{path}/free", {"lease": first})
    assert (await day.call("GET", "/v2/concurrency_limits/gpu"))["active_slots"] == 2
    await browser.post(f"{path}/reset")
    assert (await day.call("GET", "/v2/concurrency_limits/gpu"))["active_slots"] == 0


async def test_a_limit_is_changed_and_what_does_not_fit_is_said(browser: Browser, day: Day) -> None:
    path = where(await browser.post("/limits/new", {"kind": "named", "name": "rate", "limit": "4"}))
    await browser.post(path, {"limit": "9", "decay": "0.5", "active": "no"})
    known = await day.call("GET", "/v2/concurrency_limits/rate")
    assert (known["limit"], known["slot_decay_per_second"], known["active"]) == (9, 0.5, False)
    for wrong in ({"limit": "many"}, {"limit": "-1"}, {"limit": "1", "decay": "fast"}):
        heard = await browser.post(path, wrong)
        assert heard.status == 422
        assert 'role="alert"' in heard.text
    assert (await browser.post("/limits/new", {"name": "rate", "limit": "1"})).status == 409
    assert (await browser.post("/limits/new", {"name": "x", "limit": "one"})).status == 422


async def test_the_limit_of_a_deployment_has_its_name_and_stays(browser: Browser, day: Day) -> None:
    id = await day.deployment("daily-sales", "narrow", "warehouse", concurrency_limit=2)
    limits = await day.call("POST", "/v2/concurrency_limits/filter", {})
    path = f"/limits/{next(one['id'] for one in limits if one['name'].endswith(id))}"
    assert "narrow" in text_of(await browser.get("/limits"))
    assert f"/deployments/{id}" in (await browser.get(path)).text
    assert (await browser.post(f"{path}/delete")).status == 422


async def artifact(day: Day, **fields: object) -> str:
    return str((await day.call("POST", "/artifacts/", fields))["id"])


async def test_artifacts_are_shown_by_key_with_their_versions(browser: Browser, day: Day) -> None:
    run = day.runs["good-run"]
    first = await artifact(day, key="report", type="markdown", data="# Monday", description="The first.")
    second = await artifact(day, key="report", type="markdown", data="# Tuesday **bold**", flow_run_id=run)
    listed = await browser.get("/artifacts")
    assert "good-run" in text_of(listed)
    assert listed.text.count("/artifacts/key/report") == 1
    latest = await browser.get("/artifacts/key/report")
    assert "<h3>Tuesday <strong>bold</strong></h3>" in latest.text
    assert f"/artifacts/{first}" in latest.text
    assert f"/runs/{run}" in latest.text
    older = await browser.get(f"/artifacts/{first}")
    assert "<h3>Monday</h3>" in older.text
    assert "The first." in text_of(older)
    assert (await browser.get(f"/artifacts/{second}/data")).text == "# Tuesday **bold**"
    assert where(await browser.post(f"/artifacts/{second}/delete")) == "/artifacts"
    assert "Monday" in text_of(await browser.get("/artifacts/key/report"))
    assert "No artifact fits" in text_of(await browser.get("/artifacts?type=table"))
    assert "report" in text_of(await browser.get("/artifacts?key=epo&type=markdown"))


async def test_each_type_of_artifact_is_shown_as_what_it_is(browser: Browser, day: Day) -> None:
    table = await artifact(day, key="t", type="table", data='[{"city": "Bonn", "n": 3}]')
    image = await artifact(day, key="i", type="image", data="https://pictures.example/x.png")
    progress = await artifact(day, key="p", type="progress", data=42.5)
    other = await artifact(day, type="result", data={"path": "/x"})
    assert '<th scope="col">city</th>' in (await browser.get(f"/artifacts/{table}")).text
    page = await browser.get(f"/artifacts/{image}")
    assert '<a href="https://pictures.example/x.png" rel="noopener' in page.text
    assert "42.5 %" in text_of(await browser.get(f"/artifacts/{progress}"))
    assert "42.5 %" in text_of(await browser.get("/artifacts"))
    assert "An artifact without a key" in text_of(await browser.get(f"/artifacts/{other}"))
    assert (await browser.get(f"/artifacts/{GHOST}")).status == 404
    assert (await browser.get("/artifacts/key/nowhere")).status == 404


def at_minute(day: Day, minutes: int) -> str:
    return (day.now - timedelta(minutes=minutes)).isoformat()


async def send(day: Day, count: int, name: str = "my.shop.sold", resource: str = "my.shop.1") -> None:
    """Events of one moment."""
    labels = {"prefect.resource.id": resource}
    events = [
        {
            "id": str(uuid4()),
            "occurred": at_minute(day, 30),
            "event": name,
            "resource": labels,
            "payload": {"n": n},
        }
        for n in range(count)
    ]
    await day.call("POST", "/events", events)


async def test_the_feed_of_events_holds_each_once_over_its_pages(browser: Browser, day: Day) -> None:
    await send(day, 120)
    await send(day, 3, "other.thing", "r.1")
    seen: list[str] = []
    address = "/events?name=my.shop."
    pages = 0
    while address:
        page = await browser.get(address)
        seen += re.findall(r'href="/events/([0-9a-f-]{36})"', page.text)
        _, found, rest = page.text.partition('rel="next" href="')
        address = rest.partition('"')[0].replace("&amp;", "&") if found else ""
        pages += 1
    assert (pages, len(seen), len(set(seen))) == (3, 120, 120)


async def test_events_are_found_by_name_resource_and_time(browser: Browser, day: Day) -> None:
    await send(day, 2)
    await send(day, 1, "other.thing", "r.1")

    async def names(query: str) -> set[str]:
        text = text_of(await browser.get(f"/events?{query}"))
        return {name for name in ("my.shop.sold", "other.thing", "prefect.flow-run.Completed") if f" {name} " in text}

    assert await names("") == {"my.shop.sold", "other.thing", "prefect.flow-run.Completed"}
    assert await names("name=my.") == {"my.shop.sold"}
    assert await names("resource=r.1") == {"other.thing"}
    assert await names("resource=my.sh*") == {"my.shop.sold"}
    assert await names(f"resource=prefect.flow-run.{day.runs['good-run']}") == {"prefect.flow-run.Completed"}
    flow = f"resource=prefect.flow.{day.flows['daily-sales']}"
    assert await names(flow) == set(), "it is about the flow's run"
    assert await names(f"{flow}&involved=yes") == {"prefect.flow-run.Completed"}
    assert await names("when=1h&name=other.") == {"other.thing"}
    assert await names("name=nothing&when=nonsense&after=nonsense") == set()
    assert "2 events" in text_of(await browser.get("/events/chart?name=my."))
    assert "2 events" in text_of(await browser.get("/events?when=1h&name=my."))


async def test_events_that_only_name_something_are_looked_for_so_many_at_once(
    browser: Browser, day: Day, monkeypatch: pytest.MonkeyPatch
) -> None:
    await send(day, 2)
    flow = f"resource=prefect.flow.{day.flows['daily-sales']}"
    page = await browser.get(f"/events?{flow}&involved=yes")
    assert "/events/chart" not in page.text, "counting them would be a look at each"
    assert "/events/chart" in (await browser.get(f"/events?{flow}")).text
    monkeypatch.setattr(event_lists, "MOST_LOOKED_AT", 1)
    page = await browser.get("/events?resource=nobody&involved=yes")
    assert "The next page looks further back." in text_of(page)
    assert 'rel="next"' in page.text


async def test_an_event_leads_to_what_it_is_about(browser: Browser, day: Day) -> None:
    run = day.runs["good-run"]
    found = await browser.get(f"/events?name=prefect.flow-run.Completed&resource=prefect.flow-run.{run}")
    assert f"/runs/{run}" in found.text
    (id,) = set(re.findall(r'href="/events/([0-9a-f-]{36})"', found.text))
    page = await browser.get(f"/events/{id}")
    for path in (f"/runs/{run}", f"/flows/{day.flows['daily-sales']}", "/pools/warehouse"):
        assert path in page.text, path
    assert f"/deployments/{day.deployments['daily-sales/prod']}" in page.text
    assert "validated_state" in text_of(page)
    assert (await browser.get(f"/events/{GHOST}")).status == 404


async def stored(day: Day, slug: str, name: str, /, **data: object) -> str:
    """A block that is kept through the API."""
    kind = (await day.call("GET", f"/block_types/slug/{slug}"))["id"]
    schemas = await day.call("POST", "/block_schemas/filter", {"block_schemas": {"block_type_id": {"any_": [kind]}}})
    body = {"name": name, "block_type_id": kind, "block_schema_id": schemas[0]["id"], "data": data}
    return str((await day.call("POST", "/block_documents/", body))["id"])


async def data_of(day: Day, id: str) -> Any:
    return (await day.call("GET", f"/block_documents/{id}?include_secrets=true"))["data"]


async def test_block_types_are_found_by_name_and_by_what_they_can_do(browser: Browser, day: Day) -> None:
    assert "AWS Credentials" in text_of(await browser.get("/blocks/catalog"))
    only = text_of(await browser.get("/blocks/catalog?capability=notify"))
    assert "Slack" in only
    assert "AWS Credentials" not in only
    assert "No type fits" in text_of(await browser.get("/blocks/catalog?name=nothing"))
    page = await browser.get("/blocks/catalog/s3-bucket")
    assert "/blocks/catalog/aws-credentials" in page.text
    assert "penstock block create s3-bucket" in text_of(page)
    assert (await browser.get("/blocks/catalog/nowhere")).status == 404


async def test_what_starts_jobs_for_agents_is_marked(browser: Browser, day: Day) -> None:
    kind = await day.call("POST", "/block_types/", {"name": "Docker Container", "slug": "docker-container"})
    schema = {"block_type_id": kind["id"], "fields": {"properties": {}}, "capabilities": ["run-infrastructure"]}
    await day.call("POST", "/block_schemas/", schema)
    id = await stored(day, "docker-container", "old")
    assert text_of(await browser.get("/blocks/catalog")).count("For agents") == 1
    for path in ("/blocks/catalog/docker-container", f"/blocks/{id}"):
        assert "For agents" in text_of(await browser.get(path))


async def test_a_block_is_made_from_its_types_form_and_its_secret_only_goes_in(browser: Browser, day: Day) -> None:
    form = await browser.get("/blocks/catalog/aws-credentials/create")
    assert 'type="password"' in form.text
    fields = {"name": "prod", "f.aws_access_key_id": "AKIA", "f.aws_secret_access_key": "s3cr3t-value"}
    path = where(await browser.post("/blocks/catalog/aws-credentials/create", fields))
    id = path.rpartition("/")[2]
    assert (await data_of(day, id)) == {"aws_access_key_id": "AKIA", "aws_secret_access_key": "s3cr3t-value"}
    for address in (path, f"{path}/edit", "/blocks", "/blocks/catalog/aws-credentials"):
        page = await browser.get(address)
        assert page.status == 200
        assert "s3cr3t" not in page.text, address
    assert "Block.load(&#39;aws-credentials/prod&#39;)" in (await browser.get(path)).text
    assert "********" in (await browser.get(path)).text

    await browser.post(f"{path}/edit", {"f.region_name": "eu-central-1", "f.aws_secret_access_key": ""})
    changed = await data_of(day, id)
    assert (changed["aws_secret_access_key"], changed["region_name"]) == ("s3cr3t-value", "eu-central-1")
    await browser.post(f"{path}/edit", {"f.aws_secret_access_key": "another"})
    assert (await data_of(day, id))["aws_secret_access_key"] == "another"
    assert where(await browser.post(f"{path}/delete")) == "/blocks"
    assert (await browser.get(path)).status == 404


async def test_a_form_that_does_not_fit_says_where_and_forgets_the_secret(browser: Browser, day: Day) -> None:
    wrong = {"name": "w", "f.url": "s3cr3t", "f.timeout": "soon", "f.headers": "{oops", "f.name": ""}
    page = await browser.post("/blocks/catalog/custom-webhook/create", wrong)
    assert page.status == 422
    text = text_of(page)
    assert "is no number" in text
    assert "This is not JSON" in text
    assert "A value is needed here." in text
    secret = await browser.post("/blocks/catalog/secret/create", {"name": "", "f.value": "s3cr3t"})
    assert secret.status == 422
    assert "s3cr3t" not in secret.text
    await browser.post("/blocks/catalog/secret/create", {"name": "twice", "f.value": "x"})
    again = await browser.post("/blocks/catalog/secret/create", {"name": "twice", "f.value": "x"})
    assert again.status == 409


async def test_a_block_in_a_block_is_chosen_from_those_that_there_are(browser: Browser, day: Day) -> None:
    inner = await stored(day, "aws-credentials", "prod", aws_secret_access_key="s3cr3t")
    form = await browser.get("/blocks/catalog/s3-bucket/create")
    assert ">aws-credentials/prod</option>" in form.text
    choice = json.dumps({"$ref": {"block_document_id": inner}})
    fields = {"name": "results", "f.bucket_name": "acme", "f.credentials": choice}
    path = where(await browser.post("/blocks/catalog/s3-bucket/create", fields))
    page = await browser.get(path)
    assert f'<a href="/blocks/{inner}">prod</a>' in page.text
    assert "s3cr3t" not in page.text
    edit = await browser.get(f"{path}/edit")
    assert "selected>aws-credentials/prod</option>" in edit.text
    await browser.post(f"{path}/edit", {"f.bucket_folder": "x", "f.credentials": choice})
    known = await data_of(day, path.rpartition("/")[2])
    assert (known["bucket_folder"], known["credentials"]["aws_secret_access_key"]) == ("x", "s3cr3t")
    await browser.post(f"{path}/edit", {"f.credentials": ""})
    assert (await data_of(day, path.rpartition("/")[2]))["credentials"] is None


async def test_secrets_within_an_object_keep_their_stars(browser: Browser, day: Day) -> None:
    id = await stored(day, "custom-webhook", "hook", name="n", url="https://x.example", secrets={"key": "s3cr3t"})
    form = await browser.get(f"/blocks/{id}/edit")
    assert "s3cr3t" not in form.text
    assert "********" in form.text
    await browser.post(f"/blocks/{id}/edit", {"f.secrets": '{"key": "********", "other": "new"}'})
    assert (await data_of(day, id))["secrets"] == {"key": "s3cr3t", "other": "new"}


async def test_search_finds_what_the_catalogue_has(browser: Browser, day: Day) -> None:
    block = await stored(day, "string", "sales-region", value="eu")
    variable = (await day.call("POST", "/variables/", {"name": "sales_floor", "value": 1}))["id"]
    await artifact(day, key="sales-report", type="markdown", data="x")
    found = await browser.get("/search?q=sales")
    flow = day.flows["daily-sales"]
    for path in (f"/blocks/{block}", f"/variables/{variable}", "/artifacts/key/sales-report", f"/flows/{flow}"):
        assert f'href="{path}"' in found.text, path
    for id, noun in ((block, "blocks"), (variable, "variables"), (flow, "flows")):
        assert where(await browser.get(f"/search?q={id}")) == f"/{noun}/{id}"


async def test_addresses_of_prefects_dashboard_lead_here(browser: Browser, day: Day) -> None:
    addresses = {
        f"/flows/flow/{GHOST}": f"/flows/{GHOST}",
        f"/blocks/block/{GHOST}": f"/blocks/{GHOST}",
        f"/artifacts/artifact/{GHOST}": f"/artifacts/{GHOST}",
        f"/events/event/2026-11-29/{GHOST}": f"/events/{GHOST}",
        "/concurrency-limits": "/limits",
        f"/concurrency-limits/concurrency-limit/{GHOST}": f"/limits/{GHOST}",
    }
    for old, new in addresses.items():
        assert where(await browser.get(old)) == new
