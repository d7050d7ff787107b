"""The keyboard alone: every page's every action is reached by Tab, is seen when it has the focus, and lets go of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from tests.live.chromium import tab
from tests.server.conftest import reachable, settings_in
from tests.ui.atlas import atlas, patterns
from tests.ui.test_accessible import DESK, PHONE, Desk

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Nothing is drawn anew while one walks: what is counted are the stops of one moment.
WALK = """(() => {
    const shown = one => one.checkVisibility({visibilityProperty: true});
    const wanted = [...document.querySelectorAll(
        'a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex="0"]')]
        .filter(one => shown(one) && !one.disabled && one.tabIndex >= 0 && !one.matches('[tabindex="-1"]'))
        .filter(one => one.type != 'radio' || one.checked);
    wanted.forEach((one, number) => one.dataset.stop = number);
    Object.defineProperty(document, 'hidden', {value: true});
    document.querySelectorAll('[hx-trigger*=every]').forEach(one => one.remove());
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
    return wanted.length;
})()"""
HERE = """(() => {
    const one = document.activeElement;
    if (!one || one == document.body) return null;
    const styles = [one, one.nextElementSibling, one.querySelector('.hit, circle')].filter(Boolean)
        .map(part => getComputedStyle(part));
    const marked = styles.some(style => style.outlineStyle != 'none' && parseFloat(style.outlineWidth) >= 1)
        || styles.some(style => style.stroke != 'none' && parseFloat(style.strokeWidth) >= 2);
    const edges = one.getBoundingClientRect();
    const x = Math.min(Math.max(edges.left + edges.width / 2, 0), innerWidth - 1);
    const spots = [0.5, 0.08, 0.92].map(share => edges.top + edges.height * share);
    const seen = spots.some(y => {
        const top = document.elementFromPoint(x, Math.min(Math.max(y, 0), innerHeight - 1));
        return top && (one.contains(top) || top.contains(one) || one.closest('label')?.contains(top)
            || one.matches('.chip input, .unseen'));
    });
    return [one.dataset.stop ?? null, marked, seen, one.outerHTML.slice(0, 140)];
})()"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder = tmp_path_factory.mktemp("desk")
    async with reachable(settings_in(folder)) as server, tab(folder) as one:
        yield Desk(one, await atlas(server.app, runs=12), server.url.removesuffix(server.app.root))


async def walked(desk: Desk) -> tuple[int, list[Any]]:
    """How many stops a page has, and those that Tab comes to until it leaves the page."""
    count = await desk.tab.value(WALK)
    stops: list[Any] = []
    for _ in range(count + 10):
        await desk.tab.key("Tab")
        here = await desk.tab.value(HERE)
        if here is None or (stops and here[0] == stops[0][0]):
            break
        if not stops or here[0] != stops[-1][0]:  # a field of a date is several stops in itself
            stops.append(here)
    return count, stops


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("pattern", patterns())
async def test_tab_comes_to_everything_once_and_shows_where_it_is(
    desk: Desk, pattern: str, size: tuple[int, int]
) -> None:
    await desk.open(desk.atlas.at(pattern))
    await desk.tab.size(*size)
    count, stops = await walked(desk)
    order = [int(stop) for stop, *_ in stops if stop is not None]
    assert [shown for stop, _, _, shown in stops if stop is None] == [], "a stop that nothing is done with"
    assert order == list(range(count)), "in the order that it is read in, without a trap"
    assert [shown for _, marked, _, shown in stops if not marked] == [], "it is seen where the focus is"
    assert [shown for _, _, seen, shown in stops if not seen] == [], "nothing lies over what has the focus"


FOCUS = "document.activeElement"


async def tab_to(desk: Desk, selector: str) -> None:
    """Presses Tab until something that fits has the focus."""
    for _ in range(250):
        await desk.tab.key("Tab")
        if await desk.tab.value(f"!!{FOCUS}?.matches({selector!r})"):
            return
    raise AssertionError(f"Tab does not come to {selector}")


async def leads(desk: Desk, *keys: str) -> None:
    """Presses keys of which the last one leads to another page, and waits for that."""
    desk.tab.leaves()
    await desk.tab.key(*keys)
    await desk.tab.loaded()


async def test_the_first_stop_skips_to_the_content(desk: Desk) -> None:
    await desk.open("/runs")
    await desk.tab.key("Tab")
    assert await desk.tab.value(f"{FOCUS}.className") == "skip"
    assert await desk.tab.value(f"{FOCUS}.getBoundingClientRect().top >= 0")
    await desk.tab.key("Enter")
    await desk.tab.until(f"{FOCUS}.id == 'main'")
    await desk.tab.key("Tab")
    assert await desk.tab.value(f"document.querySelector('main').contains({FOCUS})")


async def test_help_takes_the_focus_keeps_it_and_gives_it_back(desk: Desk) -> None:
    await desk.open("/pools")
    await tab_to(desk, "main a")
    before = await desk.tab.value(f"{FOCUS}.href")
    await desk.tab.key("?")
    assert await desk.tab.value(f"document.getElementById('help').contains({FOCUS})")
    await desk.tab.key("Tab", "Tab", "Tab")
    assert await desk.tab.value(f"{FOCUS} == document.body || document.getElementById('help').contains({FOCUS})")
    await desk.tab.key("Escape")
    await desk.tab.until("!document.getElementById('help').open")
    assert await desk.tab.value(f"{FOCUS}.href") == before
    await tab_to(desk, "[data-help]")
    await desk.tab.key("Enter")
    assert await desk.tab.value("document.getElementById('help').open")
    await desk.tab.key("Enter")
    await desk.tab.until("!document.getElementById('help').open")
    assert await desk.tab.value(f"{FOCUS}.matches('[data-help]')")


async def test_the_menu_of_a_phone_opens_and_closes(desk: Desk) -> None:
    await desk.open("/runs")
    await desk.tab.size(*PHONE)
    await tab_to(desk, ".rail .more")
    await desk.tab.key("Enter")
    await desk.tab.until("document.querySelector('#rest:popover-open')")
    await desk.tab.key("Tab")
    assert await desk.tab.value(f"document.getElementById('rest').contains({FOCUS})")
    await desk.tab.key("Escape")
    await desk.tab.until("!document.querySelector('#rest:popover-open')")
    assert await desk.tab.value(f"{FOCUS}.matches('.more')")


async def test_a_chart_is_one_stop_that_arrows_go_through(desk: Desk) -> None:
    await desk.open("/runs")
    await tab_to(desk, "#chart .slice")
    await desk.tab.key("ArrowRight", "ArrowRight", "ArrowLeft", "End")
    assert await desk.tab.value(f"{FOCUS} == [...document.querySelectorAll('#chart .slice')].at(-1)")
    title = await desk.tab.value(f"{FOCUS}.querySelector('title').textContent")
    assert await desk.tab.value("document.querySelector('[data-tip]').textContent") == title
    await desk.tab.key("Tab")
    assert not await desk.tab.value(f"{FOCUS}.matches('#chart .slice')")
    await desk.tab.value("document.querySelector('#chart .slice[tabindex=\"0\"]').focus()")
    await leads(desk, "Enter")
    assert "begin=" in await desk.tab.value("location.search")


async def test_runs_are_filtered_chosen_and_cancelled(desk: Desk) -> None:
    day = desk.atlas.day
    await day.run("daily-sales/prod", timedelta(minutes=2), None, name="to-be-cancelled")
    await desk.open("/runs")
    await tab_to(desk, ".chip.running input")
    await leads(desk, "Space")
    assert "state=running" in await desk.tab.value("location.search")
    await tab_to(desk, "[name=name]")
    await desk.tab.call("Input.insertText", text="to-be-cancelled")
    await leads(desk, "Enter")
    await desk.tab.key("Escape", "j", "x")
    assert await desk.tab.value("document.querySelector('[data-count]').textContent") == "1 run chosen"
    await tab_to(desk, "#bulk [value=cancel]")
    await leads(desk, "Enter")
    await tab_to(desk, "main form button")
    await leads(desk, "Enter")
    assert "asked to end" in await desk.tab.value("document.querySelector('main').textContent")


async def test_a_view_is_given_up_and_saved(desk: Desk) -> None:
    await desk.open("/runs?state=failed")
    await tab_to(desk, ".save summary")
    await desk.tab.key("Enter", "Tab", "Escape")
    assert await desk.tab.value(f"!document.querySelector('.save').open && {FOCUS}.matches('.save summary')")
    await desk.tab.key("Enter", "Tab")
    await desk.tab.call("Input.insertText", text="by keyboard")
    await leads(desk, "Enter")
    assert "by keyboard" in await desk.tab.value("document.querySelector('.views').textContent")


async def test_a_graph_is_zoomed_and_its_tasks_are_chosen(desk: Desk) -> None:
    await desk.open(desk.atlas.at("/runs/{id}"))
    await tab_to(desk, "#graph-body")
    await desk.tab.key("+")
    drawn = f"""document.getElementById('graph').dataset.whole == %r && {FOCUS}.id == 'graph-body'
        && !document.querySelector('.htmx-added, .htmx-settling')"""
    await desk.tab.until(drawn % "")
    await desk.tab.key("0")
    await desk.tab.until(drawn % "yes")
    await desk.tab.key("Tab", "Enter")
    await desk.tab.until("document.querySelector('#chosen h3')")
    assert await desk.tab.value(f"{FOCUS}.closest('.graph-names') != null"), "the focus stays at the task"


async def test_a_log_is_scrolled_and_followed(desk: Desk) -> None:
    run = desk.atlas.places["runs/id"]
    await desk.atlas.day.logs(run, desk.atlas.day.now, [(20, f"line {number}") for number in range(90)])
    await desk.open(f"/runs/{run}")
    await tab_to(desk, "#log-lines")
    await desk.tab.key("Home")
    await desk.tab.until("document.getElementById('log-lines').scrollTop == 0")
    await desk.tab.until("document.querySelector('[data-follow]').getAttribute('aria-pressed') == 'false'")
    await desk.tab.value("document.querySelector('.log select').focus()")
    await tab_to(desk, "[data-follow]")
    await desk.tab.key("Space")
    await desk.tab.until("document.querySelector('[data-follow]').getAttribute('aria-pressed') == 'true'")


async def test_a_deployment_is_run_with_other_values(desk: Desk) -> None:
    await desk.open("/deployments")
    await tab_to(desk, "[aria-label='Run staging']")
    await leads(desk, "Enter")
    await tab_to(desk, "[id='p.region']")
    await desk.tab.key("ArrowDown")
    await tab_to(desk, "details summary")
    await desk.tab.key("Space")
    await tab_to(desk, "[id='v.working_dir']")
    await desk.tab.call("Input.insertText", text="/srv")
    await tab_to(desk, "main .primary")
    await leads(desk, "Enter")
    shown = await desk.tab.value("document.querySelector('main').textContent")
    assert '"region": "us"' in shown
    assert '"working_dir": "/srv"' in shown


async def test_what_comes_live_leaves_the_focus_where_it_is(desk: Desk) -> None:
    await desk.open("/runs")
    await tab_to(desk, "#found .main a")
    before = await desk.tab.value(f"({FOCUS}.was = true, {FOCUS}.href)")
    await desk.tab.value("htmx.trigger(document.querySelector('[data-live]'), 'changed')")
    await desk.tab.until("[...document.querySelectorAll('#found .main a')].every(one => !one.was)")
    await desk.tab.until(f"{FOCUS}.href == {before!r}")
