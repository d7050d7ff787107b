"""What a server tells about itself, and what it keeps to itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from penstock import __version__
from penstock.store.migrations import available
from tests.server.conftest import ask, running, settings_in
from tests.server.routes.conftest import Api

AUTHORIZED = "Basic YWRtaW46cGFzcw=="


async def test_it_tells_its_version_and_its_database(api: Api) -> None:
    facts = await api.get("/penstock/server")
    assert facts["version"] == __version__
    assert facts["database"]["kind"] == api.app.services.store.dialect
    assert facts["database"]["migration"] == available()[-1]
    assert facts["database"]["version"][0].isdigit()
    assert facts["problems"] == []


async def test_settings_are_told_with_where_they_come_from_and_without_secrets(tmp_path: Path) -> None:
    given = {
        "SERVER_API_AUTH_STRING": "admin:pass",
        "SERVER_API_PORT": "4321",
        "CLIENT_CUSTOM_HEADERS": json.dumps({"x-key": "hush"}),
        "API_URL": "http://me:hush@penstock.test/api",
        "RESULTS_PERSIST_BY_DEFAULT": "true",
    }
    sources = {"server.api.auth_string": "env", "client.custom_headers": ".env", "api.url": "profile"}
    settings = settings_in(tmp_path, **given)
    async with running(settings, {**sources, "server.api.port": "overrides"}) as app:
        heard = await ask(app, "GET", "/penstock/server", authorization=AUTHORIZED)
    told: dict[str, Any] = {one["name"]: (one["value"], one["source"]) for one in heard.json["settings"]}
    assert told == {
        "PENSTOCK_SERVER_API_AUTH_STRING": ("********", "env"),
        "PENSTOCK_SERVER_API_PORT": (4321, "overrides"),
        "PENSTOCK_CLIENT_CUSTOM_HEADERS": ("********", ".env"),
        "PENSTOCK_API_URL": ("http://me:********@penstock.test/api", "profile"),
    }
