"""Who may see and change things from the pages: credentials, sessions, forged forms, headers."""

from __future__ import annotations

import base64
from pathlib import Path
from uuid import uuid4

import pytest

from penstock.server.sessions import COOKIE, LIFETIME, Sessions
from penstock.ui import routes
from tests.server.conftest import AUTH, running, settings_in
from tests.ui.conftest import Browser

routes.load()
PAGES = routes.every()
FILES = ("penstock.css", "penstock.js", "theme.js", "mark.svg", "vendor/htmx-2.0.11.min.js")


def filled(path: str) -> str:
    while "{" in path:
        before, _, rest = path.partition("{")
        path = before + str(uuid4()) + rest.partition("}")[2]
    return path


async def test_every_page_asks_who_comes(stranger: Browser) -> None:
    for method, path in [*PAGES, ("GET", "/nowhere"), ("PUT", "/"), ("GET", "/static/../assemble.py")]:
        if path == "/sign-in":
            continue
        heard = await (stranger.get(filled(path)) if method == "GET" else stranger.post(filled(path)))
        assert heard.status == 401, (method, path)
        assert "Key of this server" in heard.text
        assert "basic" not in heard.headers["www-authenticate"].lower()


@pytest.mark.parametrize("path", ["/sign-in/", "//sign-in", "/sign%2Din", "/sign-in/x", "/static/x/penstock.css"])
async def test_what_is_open_is_exact(stranger: Browser, path: str) -> None:
    assert (await stranger.get(path)).status == 401


async def test_the_sign_in_page_can_be_drawn_by_strangers(stranger: Browser) -> None:
    page = await stranger.get("/")
    assert stranger.app.site is not None
    for name in FILES:
        (address,) = {part for part in page.text.split('"') if part.endswith(name)} or {""}
        if address:
            assert (await stranger.get(address)).status == 200


async def test_a_sign_in_leads_back_and_opens_every_page(stranger: Browser) -> None:
    assert 'value="/runs?state=failed"' in (await stranger.get("/runs?state=failed")).text
    wrong = await stranger.post("/sign-in", {"key": "admin:nope", "next": "/runs"})
    assert (wrong.status, COOKIE in stranger.cookies) == (401, False)
    assert "not this server" in wrong.text
    right = await stranger.post("/sign-in", {"key": AUTH, "next": "/runs?state=failed"})
    assert (right.status, right.headers["location"]) == (303, "/runs?state=failed")
    assert (await stranger.get("/runs")).status == 200
    assert "admin <span" in (await stranger.get("/server")).text
    await stranger.post("/sign-out")
    assert (await stranger.get("/runs")).status == 401


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""])
async def test_a_sign_in_leads_nowhere_else(stranger: Browser, wanted: str) -> None:
    heard = await stranger.post("/sign-in", {"key": AUTH, "next": wanted})
    assert heard.headers["location"] == "/"


async def test_the_header_of_clients_opens_pages_too(stranger: Browser) -> None:
    value = "Basic " + base64.b64encode(AUTH.encode()).decode()
    assert (await stranger.get("/runs", authorization=value)).status == 200


async def test_a_session_is_for_pages_and_not_for_the_api(stranger: Browser) -> None:
    await stranger.post("/sign-in", {"key": AUTH})
    assert (await stranger.visit("POST", "/api/flows/filter", b"{}", {})).status == 401


async def test_sessions_end_and_cannot_be_made_up(stranger: Browser) -> None:
    now = stranger.app._clock()
    sessions = Sessions(AUTH)
    value = sessions.open(AUTH, now) or ""
    headers = {b"cookie": f"a=b; {COOKIE}={value}".encode()}
    assert sessions.admits(headers, now)
    assert not sessions.admits(headers, now + LIFETIME)
    assert not Sessions("admin:changed").admits(headers, now)
    later = f"{int(value.partition('.')[0], 16) + 1:x}." + value.partition(".")[2]
    for made_up in ("", ".", "..", "ff.aa.bb", later, value[:-1]):
        assert not sessions.admits({b"cookie": f"{COOKIE}={made_up}".encode()}, now), made_up
    assert not Sessions(None).admits(headers, now)


async def test_cookies_are_kept_from_scripts_and_other_sites(stranger: Browser) -> None:
    heard = await stranger.post("/sign-in", {"key": AUTH}, x_forwarded_proto="https")
    cookie = heard.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/", "Secure"))


CHANGES = [path for method, path in PAGES if method == "POST"]


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {},
    ],
)
async def test_a_form_of_another_origin_changes_nothing(browser: Browser, headers: dict[str, str]) -> None:
    await browser.get("/")
    body = f"token={browser.cookies['penstock_form']}".encode()
    for path in CHANGES:
        assert (await browser.visit("POST", filled(path), body, headers)).status == 403, path


@pytest.mark.parametrize("token", ["", "guess"])
async def test_a_form_without_its_token_changes_nothing(browser: Browser, token: str) -> None:
    for path in CHANGES:
        assert (await browser.post(filled(path), {"token": token})).status == 403, path
    browser.cookies = {"penstock_form": ""}
    refused = await browser.post("/pools/a/pause", {"token": ""})
    assert refused.status == 403
    assert "Go back, load it again and retry." in refused.text


async def test_an_origin_without_fetch_metadata_is_compared_with_the_host(browser: Browser) -> None:
    await browser.get("/")
    body = f"token={browser.cookies['penstock_form']}".encode()
    heard = await browser.visit("POST", "/pools/a/pause", body, {"origin": "http://penstock.test"})
    assert heard.status == 404


async def test_every_page_forbids_what_it_does_not_need(browser: Browser) -> None:
    for path in ("/", "/runs", "/nowhere", "/sign-in"):
        headers = (await browser.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_no_page_has_inline_script_or_style() -> None:
    templates = Path(routes.__file__).parent / "templates"
    for file in templates.glob("*.html"):
        text = file.read_text()
        assert " style=" not in text, file.name
        assert "<style" not in text, file.name
        assert text.count("<script") == text.count("<script src="), file.name
        assert "|safe" not in text.replace(" ", ""), file.name
        assert "on" + "click=" not in text, file.name


async def test_a_form_that_is_too_large_is_refused(browser: Browser) -> None:
    assert (await browser.post("/runs/change", {"id": "x" * (1024 * 1024)})).status == 413


async def test_a_server_without_its_dashboard_says_what_to_install(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path)) as app:
        app.site = None
        assert "pip install" in (await Browser(app).get("/")).text
        assert (await Browser(app).get("/runs")).status == 404
    async with running(settings_in(tmp_path, SERVER_UI_ENABLED="false")) as app:
        assert "switched off" in (await Browser(app).get("/")).text


async def test_pages_are_where_the_settings_say(tmp_path: Path) -> None:
    async with running(settings_in(tmp_path, SERVER_UI_SERVE_BASE="/flows-ui")) as app:
        browser = Browser(app)
        page = await browser.get("/flows-ui/runs")
        assert page.status == 200
        assert 'href="/flows-ui/deployments"' in page.text
        assert (await browser.get("/runs")).status == 404
