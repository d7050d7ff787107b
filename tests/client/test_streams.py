"""Live feeds from a real server over WebSockets."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock import settings as configuration
from penstock.client.client import Client
from penstock.client.open import open_client
from penstock.client.streams import events, follow, follow_blocking
from penstock.clock import utc_now
from penstock.errors import Unauthorized
from penstock.ids import new_id
from penstock.wire.events import Event, create_events
from tests.live.programs import penstock
from tests.live.servers import Server

AUTH = "me:secret"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server that wants credentials."""
    server = Server(penstock(), tmp_path_factory.mktemp("server"), settings={"PENSTOCK_SERVER_API_AUTH_STRING": AUTH})
    server.start()
    yield server.url
    server.stop()


@pytest.fixture
def settings(url: str, tmp_path: Path) -> configuration.Settings:
    environ = {"PENSTOCK_API_URL": url, "PENSTOCK_API_AUTH_STRING": AUTH, "PENSTOCK_HOME": str(tmp_path)}
    return configuration.load(environ=environ)


@pytest.fixture
def client(settings: configuration.Settings) -> Iterator[Client]:
    with open_client(settings) as one:
        yield one


def tell(client: Client, name: str) -> None:
    event = Event(id=new_id(), event=name, occurred=utc_now(), resource={"prefect.resource.id": "x"})
    client.call(create_events, [event])


async def test_events_come_as_they_happen_and_once(settings: configuration.Settings, client: Client) -> None:
    tell(client, "seen.before")
    feed = events(settings, {"event": {"prefix": ["seen."]}}, backfill=True)
    found: list[str] = []
    async for event in follow(feed):
        found.append(event.event)
        if found == ["seen.before"]:
            await asyncio.to_thread(tell, client, "unseen.other")
            await asyncio.to_thread(tell, client, "seen.now")
        else:
            break
    assert found == ["seen.before", "seen.now"]


def test_a_blocking_feed_gives_the_same(settings: configuration.Settings, client: Client) -> None:
    tell(client, "blocking.one")
    feed = follow_blocking(events(settings, {"event": {"name": ["blocking.one"]}}, backfill=True))
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(next, feed).result(20).event == "blocking.one"


async def test_wrong_credentials_end_the_feed(url: str, tmp_path: Path) -> None:
    environ = {"PENSTOCK_API_URL": url, "PENSTOCK_API_AUTH_STRING": "me:wrong", "PENSTOCK_HOME": str(tmp_path)}
    with pytest.raises(Unauthorized):
        async for _ in follow(events(configuration.load(environ=environ))):
            pass
