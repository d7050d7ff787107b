"""The runs page: what its address can choose, saved views, lengths, what is new, and what became of many runs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from penstock.clock import to_micros
from penstock.ids import new_id
from penstock.ui.saved_views import filters_of, words_of_search
from penstock.wire.saved_searches import SavedSearch
from tests.ui.conftest import Browser, text_of
from tests.ui.lifelike import Day


@pytest.fixture
async def day(browser: Browser) -> Day:
    """Two deployments and a run of each kind, one of them with a subflow."""
    one = Day(browser.app)
    await one.pool("warehouse", "process")
    await one.deployment("daily-sales", "prod", "warehouse")
    await one.deployment("churn-model", "weekly", "warehouse")
    for name, ends in (("good", "COMPLETED"), ("poor", "FAILED"), ("busy", None), ("waits", "SCHEDULED")):
        await one.run("daily-sales/prod", timedelta(minutes=9), ends, name=name)
    await one.run("churn-model/weekly", timedelta(minutes=9), "COMPLETED", name="other")
    return one


async def subflow_of(day: Day, run: str, name: str) -> str:
    task = await day.call(
        "POST", "/task_runs/", {"flow_run_id": run, "task_key": "sub", "dynamic_key": name, "name": name}
    )
    flow = day.flows["churn-model"]
    body = {"flow_id": flow, "name": name, "parent_task_run_id": task["id"], "state": {"type": "RUNNING"}}
    made = await day.call("POST", "/flow_runs/", body, at=day.now - timedelta(minutes=8))
    day.runs[name] = made["id"]
    return str(made["id"])


async def names(browser: Browser, day: Day, query: str) -> set[str]:
    page = text_of(await browser.get(f"/runs?{query}"))
    return {name for name in day.runs if f" {name} " in page}


async def test_runs_are_found_by_flow_deployment_and_parent(browser: Browser, day: Day) -> None:
    await subflow_of(day, day.runs["busy"], "inner")
    assert await names(browser, day, "of=churn-model") == {"other", "inner"}
    assert await names(browser, day, "of=churn-model/weekly") == {"other"}
    assert await names(browser, day, "of=churn-model/prod") == set()
    assert await names(browser, day, f"parent={day.runs['busy']}") - {"busy"} == {"inner"}
    assert "inner" not in await names(browser, day, "parent=none")
    assert f"Subflows of {'busy'}" in text_of(await browser.get(f"/runs?parent={day.runs['busy']}"))


async def test_a_time_of_ones_own_is_looked_into(browser: Browser, day: Day) -> None:
    begin = to_micros(day.now - timedelta(minutes=10))
    inside = f"begin={begin}&end={to_micros(day.now - timedelta(minutes=8))}"
    before = f"begin={begin - 10**9}&end={begin}"
    assert await names(browser, day, inside) == set(day.runs)
    assert await names(browser, day, before) == set()
    assert await names(browser, day, "begin=7&end=nonsense") == set(day.runs)


async def test_a_bar_of_the_chart_leads_into_its_time(browser: Browser, day: Day) -> None:
    page = await browser.get("/runs?state=failed")
    bars = [part.partition('"')[0] for part in page.text.split('class="slice" href="')[1:]]
    found = [bar.replace("&amp;", "&") for bar in bars]
    assert all("state=failed" in bar for bar in found)
    shown = [bar for bar in found if " poor " in text_of(await browser.get(bar))]
    assert len(shown) == 1


async def test_the_lengths_of_runs_are_drawn_with_a_link_to_each(browser: Browser, day: Day) -> None:
    page = await browser.get("/runs?chart=lengths&state=completed")
    chart = page.text.partition('<figure class="scatter">')[2].partition("</figure>")[0]
    assert chart.count("<circle") == 2
    assert f'href="/runs/{day.runs["good"]}" tabindex="-1"' in page.text
    assert "good: Completed, 40 s" in text_of(page)
    assert '<figure class="scatter">' in (await browser.get("/runs/chart?chart=lengths&when=30d")).text


async def test_a_view_is_saved_shown_and_forgotten(browser: Browser, day: Day) -> None:
    saved = await browser.post("/runs/views", {"name": "bad ones", "back": "/runs?state=failed&of=daily-sales&when=7d"})
    assert saved.headers["location"] == "/runs?state=failed&of=daily-sales&when=7d"
    (search,) = await day.call("POST", "/saved_searches/filter", {})
    assert search["name"] == "bad ones"
    assert {"object": "flowRun", "property": "state", "type": "", "operation": "", "value": ["Failed"]} in search[
        "filters"
    ]
    page = await browser.get("/runs")
    assert 'href="/runs?state=failed&amp;of=daily-sales&amp;when=7d"' in page.text
    there = await browser.get("/runs?state=failed&of=daily-sales&when=7d")
    assert "Forget the view bad ones" in there.text
    await browser.post(f"/runs/views/{search['id']}/delete", {"back": "/runs"})
    assert await day.call("POST", "/saved_searches/filter", {}) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": " ", "back": "/runs?state=failed"}, "give it a name"),
        ({"name": "all", "back": "/runs"}, "choose something first"),
        ({"name": "all", "back": "https://elsewhere.example/runs?state=failed"}, "choose something first"),
    ],
    ids=["nameless", "empty", "from elsewhere"],
)
async def test_a_view_that_says_nothing_is_not_saved(
    browser: Browser, day: Day, fields: dict[str, str], said: str
) -> None:
    heard = await browser.post("/runs/views", fields)
    assert heard.headers["location"].startswith("/runs")
    assert said in text_of(await browser.get("/runs"))
    assert await day.call("POST", "/saved_searches/filter", {}) == []


WORDS: list[dict[str, list[str]]] = [
    {"state": ["failed", "late"], "when": ["1h"]},
    {"flow": ["01a2266a-35a5-70f1-8a10-06340906db3e"], "pool": ["warehouse"], "tag": ["eu"]},
    {"name": ["otter"], "of": ["daily-sales/prod"], "parent": ["none"], "when": ["next"]},
    {"begin": ["1790000000000000"], "end": ["1790000060000000"]},
]


@pytest.mark.parametrize("words", WORDS, ids=["states", "nouns", "texts", "time"])
def test_a_view_means_what_was_saved(words: dict[str, list[str]]) -> None:
    search = SavedSearch(id=new_id(), name="any", filters=filters_of(words))
    assert words_of_search(search) == (words, "")


@pytest.mark.parametrize(
    ("property", "value", "words", "beyond"),
    [
        ("state", ["Cancelling", "Cancelled"], {"state": ["cancelled"]}, ""),
        ("state", ["Paused", "Odd"], {"state": ["paused"]}, "the state Odd"),
        ("flow", ["a", "b"], {"flow": ["a"]}, "more than one flow"),
        ("workQueue", ["q"], {}, "workQueue"),
        ("workQueue", [], {}, ""),
        ("range", {"type": "span", "seconds": -604800}, {"when": ["7d"]}, ""),
        ("range", {"type": "span", "seconds": -100000}, {"when": ["7d"]}, ""),
        ("range", {"type": "span", "seconds": 3600}, {"when": ["next"]}, ""),
        ("range", {"type": "around", "date": "2026-01-01"}, {}, "range"),
    ],
)
def test_what_other_dashboards_saved_is_read_and_what_is_beyond_is_said(
    property: str, value: Any, words: dict[str, list[str]], beyond: str
) -> None:
    saved = {"object": "flowRun", "property": property, "type": "", "operation": "", "value": value}
    assert words_of_search(SavedSearch(id=new_id(), name="any", filters=[saved])) == (words, beyond)


async def test_what_is_new_is_counted_up_to_a_bound(browser: Browser, day: Day) -> None:
    since = to_micros(day.now - timedelta(minutes=5))
    assert text_of(await browser.get(f"/runs/new?since={since}")).count(" new run") == 0
    await day.run("daily-sales/prod", timedelta(minutes=1), "COMPLETED", name="fresh")
    assert "1 new run" in text_of(await browser.get(f"/runs/new?since={since}"))
    assert "new run" not in text_of(await browser.get(f"/runs/new?since={since}&state=failed")).replace("New runs", "")
    for number in range(100):
        await day.run("daily-sales/prod", timedelta(minutes=1), "SCHEDULED", name=f"fresh-{number}")
    assert "100 or more new runs" in text_of(await browser.get(f"/runs/new?since={since}&when=7d"))


async def test_each_run_that_could_not_be_changed_is_told_of(browser: Browser, day: Day) -> None:
    ids = [day.runs["busy"], day.runs["good"], "00000000-0000-4000-8000-000000000000"]
    done = await browser.post("/runs/change", {"action": "cancel", "id": ids, "back": "/runs", "sure": "yes"})
    text = text_of(done)
    assert "1 of 3 runs was asked to end" in text
    assert "1 of them is not there any more." in text
    assert (await day.call("GET", f"/flow_runs/{day.runs['good']}"))["state_type"] == "COMPLETED"


async def test_task_runs_are_found_across_the_runs_that_called_them(browser: Browser, day: Day) -> None:
    for run in ("good", "busy"):
        await day.tasks(day.runs[run], day.now - timedelta(minutes=9), 60)
    loose = {"task_key": "loose", "dynamic_key": "0", "name": "loose-0", "state": {"type": "PENDING"}}
    await day.call("POST", "/task_runs/", loose, at=day.now - timedelta(days=3))

    async def found(query: str) -> tuple[int, str]:
        page = await browser.get(f"/task-runs?{query}")
        return page.text.count("<tr>") - 1, text_of(page)

    count, text = await found("")
    assert count == 18
    assert "load-1-005 good Failed good" in text
    assert "18 task runs" in text
    assert "task runs over time" not in (await browser.get("/task-runs?name=READ")).text
    assert (await found("state=failed"))[0] == 2
    assert (await found("state=failed&state=running"))[0] == 3
    assert (await found("name=READ"))[0] == 4
    assert "loose-0 Pending no flow" in (await found("when=7d&name=loose"))[1]
    assert "No task run fits" in (await found("state=crashed&when=next"))[1]


async def test_pages_of_task_runs_hold_each_once(browser: Browser, day: Day) -> None:
    for number in range(60):
        body = {"task_key": "many", "dynamic_key": str(number), "name": f"many-{number:02d}"}
        await day.call("POST", "/task_runs/", body, at=day.now - timedelta(minutes=5))
    first = await browser.get("/task-runs")
    address = first.text.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    both = [name for page in (first, await browser.get(address)) for name in re.findall(r">(many-\d+)</a>", page.text)]
    assert len(both) == len(set(both)) == 60
