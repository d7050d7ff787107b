"""The pages about the upgrade from agents to workers: the list, a plan with its proof, the upgrade and the way back."""

from __future__ import annotations

import asyncio
import html
import http.client
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from penstock.ui.pages.upgrade import PAGE
from penstock.ui.upgrade_work import paced
from penstock.upgrade.outcomes import Did, Outcome, Part
from tests.server.conftest import reachable, settings_in
from tests.ui.conftest import Browser, Shown, text_of
from tests.ui.lifelike import Day
from tests.ui.upgrade_estate import HOSTILE, move_in, of_agents, old_block


@pytest.fixture
async def day(browser: Browser) -> Day:
    """Six deployments of agents, one of them blocked, and one of workers."""
    one = Day(browser.app)
    await move_in(one)
    return one


def hidden(page: Shown) -> dict[str, str]:
    """What the form of a page sends by itself."""
    found = re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text)
    return {name: html.unescape(value) for name, value in found if name != "token"}


async def done(browser: Browser, address: str, **more: str) -> Shown:
    """Agrees to what a page asks."""
    asked = await browser.get(address)
    assert asked.status == 200
    return await browser.post(address.partition("?")[0], {**hidden(asked), **more})


async def standing(day: Day, name: str) -> dict[str, Any]:
    found: dict[str, Any] = await day.call("GET", f"/deployments/{day.deployments[name]}")
    return found


async def test_the_list_says_how_far_each_is_and_counts_the_others(browser: Browser, day: Day) -> None:
    page = await browser.get("/upgrade")
    text = text_of(page)
    for words in ("All 6", "Ready 5", "Blocked 1", "Upgraded 0", "Rolled back 0"):
        assert words in text, words
    assert "makes 4 work pools and 1 block" in text
    assert "1 other deployment never had to do with agents" in text
    assert "There is no pool type for infrastructure blocks of type &#39;nomad-job&#39;" in text
    assert 'data-go="u"' in page.text
    assert f"/upgrade/{day.deployments['reports/prod']}" not in page.text


@pytest.mark.parametrize(
    ("words", "there", "gone"),
    [
        ("state=blocked", ["north"], ["nightly", "weekly"]),
        ("state=upgraded", ["None is upgraded."], ["nightly"]),
        ("name=daily-sales/p", ["prod daily-sales"], ["staging", "weekly"]),
        ("name=SALES&state=ready", ["staging"], ["weekly", "north"]),
        ("pool=agents", ["weekly", "north"], []),
        ("pool=elsewhere", ["No deployment fits."], ["weekly"]),
        ("state=nonsense", ["weekly", "north"], []),
    ],
    ids=lambda one: one if isinstance(one, str) else None,
)
async def test_the_address_chooses(browser: Browser, day: Day, words: str, there: list[str], gone: list[str]) -> None:
    text = text_of(await browser.get(f"/upgrade?{words}"))
    assert [one for one in there if one not in text] == []
    assert [one for one in gone if one in text] == []


async def test_many_come_in_pages(browser: Browser) -> None:
    day = Day(browser.app)
    await day.pool("agents", "prefect-agent")
    for number in range(PAGE + 3):
        await of_agents(day, "etl", f"d{number:03}", "default", None)
    first = await browser.get("/upgrade?state=ready")
    assert first.text.count('class="main"') == PAGE
    following = re.search(r'rel="next" href="([^"]*)"', first.text)
    assert following is not None
    second = await browser.get(html.unescape(following[1]))
    assert second.text.count('class="main"') == 3
    assert f"Ready {PAGE + 3}" in text_of(second)


async def test_a_plan_says_from_where_to_where_and_what_is_made(browser: Browser, day: Day) -> None:
    page = await browser.get(f"/upgrade/{day.deployments['daily-sales/prod']}")
    text = text_of(page)
    for words in (
        "docker-container/etl-image",
        "docker, to be made",
        "2 runs made by hand wait, and go along.",
        "penstock worker start --pool etl-image",
        "limit 20",
        "slow limit 2",
        "pull_from_s3",
        "flows/sales",
        "code-s3",
        "taken from the old block's aws_secret_access_key",
        "env.REGION",
    ):
        assert words in text, words
    assert "hush-hush" not in page.text
    assert "7 facts are the same" in text


async def test_a_difference_of_the_jobs_is_shown_with_its_reason(browser: Browser, day: Day) -> None:
    text = text_of(await browser.get(f"/upgrade/{day.deployments['churn-model/weekly']}"))
    assert "1 explained difference" in text
    assert "job_manifest.spec.backoffLimit – 0 C20 The block left it to Kubernetes" in text


async def test_a_blocked_one_says_why_and_what_to_do(browser: Browser, day: Day) -> None:
    id = day.deployments["forecast/north"]
    page = await browser.get(f"/upgrade/{id}")
    assert "There is no pool type for infrastructure blocks" in text_of(page)
    assert "Keep an agent for it, or make a pool of a custom type." in text_of(page)
    assert "/upgrade/apply" not in page.text
    assert "Nothing to upgrade" in text_of(await browser.get(f"/upgrade/apply?deployment={id}"))
    refused = await browser.post("/upgrade/apply", {"deployment": id, "seen": "0" * 64})
    assert refused.status == 409
    assert (await standing(day, "forecast/north"))["work_pool_name"] == "agents"


async def test_one_is_upgraded_and_rolled_back_after_a_question(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    before = await standing(day, "daily-sales/prod")
    asked = text_of(await browser.get(f"/upgrade/apply?deployment={id}"))
    for words in ("Upgrade daily-sales/prod?", "etl-image", "code-s3", "2 runs made by hand wait, and go along."):
        assert words in asked, words
    assert (await standing(day, "daily-sales/prod"))["work_pool_name"] == "agents"
    made = await done(browser, f"/upgrade/apply?deployment={id}")
    text = text_of(made)
    for words in (
        "The work pool &#39;etl-image&#39; is made.",
        "The block &#39;aws-credentials/code-s3&#39; is made.",
        "daily-sales/prod is upgraded; 2 runs went along.",
        "1 deployment was upgraded.",
        "penstock worker start --pool etl-image",
    ):
        assert words in text, words
    assert made.text.rstrip().endswith("</html>")
    assert made.headers["cache-control"] == "no-store"
    assert "script-src 'self'" in made.headers["content-security-policy"]
    assert (await standing(day, "daily-sales/prod"))["work_pool_name"] == "etl-image"
    assert "2 runs that waited went along." in text_of(await browser.get(f"/upgrade/{id}"))
    back = text_of(await done(browser, f"/upgrade/rollback?deployment={id}"))
    assert "daily-sales/prod is rolled back; 2 runs went along." in back
    assert "penstock agent start --pool agents" in back
    after = await standing(day, "daily-sales/prod")
    assert {name: after[name] for name in MOVED} == {name: before[name] for name in MOVED}


MOVED = ("work_pool_name", "work_queue_name", "job_variables", "pull_steps", "path", "storage_document_id")


async def test_all_that_are_ready_go_and_the_rest_is_left(browser: Browser, day: Day) -> None:
    text = text_of(await done(browser, "/upgrade/apply"))
    assert "5 deployments were upgraded." in text
    assert "The work pool agents has no deployments" not in text, "the blocked one is still there"
    listed = text_of(await browser.get("/upgrade"))
    assert "Upgraded 5" in listed
    assert "Blocked 1" in listed
    assert "4 deployments were rolled back." in text_of(await done(browser, "/upgrade/rollback?name=a"))


async def test_one_that_was_rolled_back_goes_again_only_by_itself(browser: Browser, day: Day) -> None:
    id = day.deployments["clean-up/nightly"]
    await done(browser, f"/upgrade/apply?deployment={id}")
    await done(browser, f"/upgrade/rollback?deployment={id}")
    assert "Rolled back 1" in text_of(await browser.get("/upgrade"))
    assert "Upgrade 4 deployments?" in text_of(await browser.get("/upgrade/apply"))
    assert "Upgrade clean-up/nightly?" in text_of(await browser.get("/upgrade/apply?state=rolled-back"))
    assert "1 deployment was upgraded." in text_of(await done(browser, f"/upgrade/apply?deployment={id}"))


async def test_what_has_changed_since_the_question_is_asked_again(browser: Browser, day: Day) -> None:
    asked = hidden(await browser.get("/upgrade/apply?name=clean-up"))
    await of_agents(day, "clean-up", "weekly", "default", None)
    again = await browser.post("/upgrade/apply", asked)
    assert again.status == 409
    assert "Something has changed meanwhile" in text_of(again)
    assert (await standing(day, "clean-up/nightly"))["work_pool_name"] == "agents"
    assert "2 deployments were upgraded." in text_of(await browser.post("/upgrade/apply", hidden(again)))


async def test_only_a_form_of_these_pages_changes_anything(browser: Browser, day: Day) -> None:
    asked = hidden(await browser.get("/upgrade/apply"))
    assert (await browser.post("/upgrade/apply", {**asked, "token": "guessed"})).status == 403
    assert (await browser.post("/upgrade/apply", asked, **{"sec-fetch-site": "cross-site"})).status == 403
    await browser.get("/upgrade/apply?" + "&".join(f"{name}={value}" for name, value in asked.items()))
    assert "Upgraded 0" in text_of(await browser.get("/upgrade"))


async def test_what_fails_is_told_with_its_reason_and_a_way_to_go_on(browser: Browser, day: Day) -> None:
    id = day.deployments["clean-up/nightly"]
    await done(browser, f"/upgrade/apply?deployment={id}")
    await day.call("DELETE", "/work_pools/agents")
    asked = text_of(await browser.get(f"/upgrade/rollback?deployment={id}"))
    assert "penstock work-pool create agents --type prefect-agent" in asked
    failed = await done(browser, f"/upgrade/rollback?deployment={id}")
    assert "0 deployments were rolled back, 1 was not." in text_of(failed)
    assert "the work pool &#39;agents&#39; that it was in was deleted" in text_of(failed)
    assert f'href="/upgrade/rollback?deployment={id}"' in failed.text


async def test_a_busy_one_is_told_of_and_moved_once_its_run_begins(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path)) as server:
        day = Day(server.app)
        await day.pool("agents", "prefect-agent")
        id = await of_agents(day, "etl", "prod", "default", None)
        run = str((await day.call("POST", f"/deployments/{id}/create_flow_run", {}))["id"])
        await day.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "PENDING"}})
        reading = Reading(server.host, f"/upgrade/apply?deployment={id}")
        await asyncio.to_thread(reading.begin)
        told = await asyncio.to_thread(reading.until, "A run is claimed and has not begun")
        assert "is upgraded" not in told
        await day.call("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "RUNNING"}})
        assert "1 deployment was upgraded." in await asyncio.to_thread(reading.until, "</html>")


async def test_a_worker_is_waited_for_where_that_is_wished(tmp_path: Path) -> None:
    async with reachable(settings_in(tmp_path)) as server:
        day = Day(server.app)
        await day.pool("agents", "prefect-agent")
        id = await of_agents(day, "etl", "prod", "default", None)
        reading = Reading(server.host, f"/upgrade/apply?deployment={id}", wait="yes")
        await asyncio.to_thread(reading.begin)
        told = await asyncio.to_thread(reading.until, "waits for a worker")
        assert "is upgraded" not in told
        await asyncio.to_thread(reading.until, "penstock worker start --pool agents-process")
        await day.worker("agents-process", "worker-1")
        told = await asyncio.to_thread(reading.until, "</html>")
        assert "etl/prod is upgraded." in told
        assert "1 worker serves" in told


class Reading:
    """Reads a page over the network, as it comes."""

    def __init__(self, host: str, address: str, **more: str) -> None:
        self.host, self.address, self.more = host, address, more
        self.text = ""

    def begin(self) -> None:
        """Sees the question and says yes."""
        asked = http.client.HTTPConnection(self.host, timeout=60)
        asked.request("GET", self.address)
        heard = asked.getresponse()
        page = Shown(heard.status, {}, heard.read().decode())
        cookie = str(heard.headers["set-cookie"]).partition(";")[0]
        asked.close()
        token = cookie.partition("=")[2]
        body = "&".join(f"{name}={value}" for name, value in {**hidden(page), **self.more, "token": token}.items())
        headers = {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
        connection = http.client.HTTPConnection(self.host, timeout=60)
        connection.request("POST", self.address.partition("?")[0], body, headers)
        self.answer = connection.getresponse()

    def until(self, words: str) -> str:
        """All that came until some words did."""
        while words not in self.text:
            part = self.answer.read1()
            assert part, self.text
            self.text += part.decode()
        return self.text


async def test_who_leaves_the_page_ends_what_has_not_begun() -> None:
    ended: list[str] = []

    async def outcomes() -> AsyncGenerator[Outcome, None]:
        try:
            yield Outcome(Part.DEPLOYMENT, "one", Did.UPGRADED)
            await asyncio.Event().wait()
        finally:
            ended.append("yes")

    coming = paced(outcomes(), 0.01)
    first = await anext(coming)
    assert first is not None
    assert first.name == "one"
    assert await anext(coming) is None, "silence is told"
    await coming.aclose()
    assert ended == ["yes"]


async def test_what_others_wrote_stays_text(browser: Browser) -> None:
    day = Day(browser.app)
    await day.pool("agents", "prefect-agent")
    block = await old_block(day, "process", "plain", {"env": {HOSTILE: HOSTILE}, "command": HOSTILE})
    odd = await old_block(day, "odd-job", "odd", {})
    name = "\"' onerror=alert(1) {{ 7 * 7 }} \u202e" + "long" * 40
    for number, one in enumerate((block, odd)):
        more = {"infra_overrides": {f"env.{number}": HOSTILE, HOSTILE: HOSTILE}, "path": HOSTILE}
        await of_agents(day, name, f"{number}{name}", name, one, **more)
    addresses = [
        *("/upgrade", "/upgrade/apply", "/upgrade/of-pool?name=agents"),
        *(f"/upgrade/{id}" for id in day.deployments.values()),
        *(f"/upgrade/{id}/state" for id in day.deployments.values()),
    ]
    shown = [await browser.get(one) for one in addresses]
    shown.append(await done(browser, "/upgrade/apply"))
    shown.append(await browser.get("/upgrade/rollback"))
    shown.append(await done(browser, "/upgrade/rollback"))
    assert [page.status for page in shown] == [200] * len(shown)
    for page in shown:
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        assert "\"' onerror" not in page.text
    assert "&lt;script&gt;alert(1)" in shown[3].text


async def test_without_agents_it_says_how_they_would_come(browser: Browser) -> None:
    text = text_of(await browser.get("/upgrade"))
    assert "Agents carry out no deployment here" in text
    assert "penstock upgrade import --from" in text
    day = Day(browser.app)
    await day.pool("warehouse", "process")
    id = await day.deployment("reports", "prod", "warehouse")
    assert "The only deployment is for workers" in text_of(await browser.get("/upgrade"))
    assert (await browser.get(f"/upgrade/{id}")).status == 404
    assert (await browser.get("/upgrade/not-an-id")).status == 404


async def test_other_pages_say_how_far_it_is_and_lead_there(browser: Browser, day: Day) -> None:
    id = day.deployments["daily-sales/prod"]
    own = await browser.get(f"/deployments/{id}?tab=configuration")
    assert f'hx-get="/upgrade/{id}/state"' in own.text
    told = text_of(await browser.get(f"/upgrade/{id}/state"))
    assert "Ready It would go to the work pool etl-image, which would be made." in told
    assert 'hx-get="/upgrade/of-pool?name=agents"' in (await browser.get("/pools/agents")).text
    assert "Of its deployments: 5 ready, 1 blocked." in text_of(await browser.get("/upgrade/of-pool?name=agents"))
    overview = await browser.get("/")
    assert "carry out 6 deployments" in text_of(overview)
    assert (await browser.get(f"/upgrade?deployment={id}")).headers["location"] == f"/upgrade/{id}"
    await done(browser, f"/upgrade/apply?deployment={id}")
    own = await browser.get(f"/deployments/{id}?tab=configuration")
    assert f'href="/upgrade/{id}"' in own.text


async def test_a_block_that_can_become_several_types_of_pools_goes_where_it_is_told(browser: Browser) -> None:
    day = Day(browser.app)
    await day.pool("agents", "prefect-agent")
    block = await old_block(day, "cloud-run-job", "cloud", {"image": "acme/etl:4", "region": "europe-west3"})
    id = await of_agents(day, "etl", "cloud", "default", block)
    usual = await browser.get(f"/upgrade/{id}")
    assert "cloud-run, to be made, or cloud-run-v2" in text_of(usual)
    listed = await browser.get("/upgrade?type=cloud-run-job%3Dcloud-run-v2")
    assert "cloud-run-v2, to be made" in text_of(listed)
    assert f'href="/upgrade/{id}?type=cloud-run-job%3Dcloud-run-v2"' in listed.text
    await done(browser, f"/upgrade/apply?deployment={id}&type=cloud-run-job%3Dcloud-run-v2")
    assert (await day.call("GET", "/work_pools/cloud"))["type"] == "cloud-run-v2"
    assert "Upgraded 1" in text_of(await browser.get("/upgrade?type=nonsense"))
