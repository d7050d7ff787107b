"""Builds a server from settings: store, hub, recorder, loops, application; and the ways to run it."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from importlib.util import find_spec
from types import MappingProxyType

from msgspec.structs import replace

from penstock.clock import SystemClock, utc_now
from penstock.errors import SettingInvalid
from penstock.server.app import App
from penstock.server.bind import Services
from penstock.server.broadcast import PUSH_POOLS, Broadcast
from penstock.server.csrf import CsrfGuard
from penstock.server.embedded import EmbeddedServer, WithinProcess
from penstock.server.loops.loop import Loops, Service, Tools
from penstock.server.loops.push import PoolHost, PushPools, hear_cancellations
from penstock.server.loops.services import services
from penstock.server.origin import Origin
from penstock.server.recorder import Recorder
from penstock.server.sink import sink
from penstock.server.site import Site
from penstock.settings import Settings
from penstock.store.database import Database
from penstock.store.open import open_database
from penstock.wire.work_pools import WorkPool

PAGE_TIMEOUT = 20.0
"""Seconds after which a page says that the API did not answer."""


def build(settings: Settings, sources: Mapping[str, str] = MappingProxyType({})) -> App:
    """The application, not yet started; `sources` are where the settings come from, for people to see.

    Raises `SettingInvalid` for a database URL that can't be used.
    """
    database = settings.server.database
    if not database.connection_url:
        raise SettingInvalid("server.database.connection_url is not set.")
    store = open_database(
        database.connection_url,
        durable=database.durable,
        pool_size=database.pool_size,
        connect_within=database.connection_timeout,
        answer_within=database.timeout,
    )
    hub = Broadcast(store)
    recorder = Recorder(store, hub, sink(records_tasks=settings.server.services.task_run_recorder.enabled))
    push = PushPools(lambda pool: _push_host(pool, app))
    loops = Loops([*services(settings), *_push_services(settings, push)], Tools(store, hub, settings), utc_now)

    def problems() -> list[str]:
        found = loops.problems
        return [*found, recorder.problem] if recorder.problem else found

    origin = Origin(utc_now(), sources)
    app = App(Services(store, settings, hub, recorder, _csrf(settings, store), problems, origin), loops)
    app.site = _dashboard(app)
    return app


def _dashboard(app: App) -> Site | None:
    """The dashboard, which reads through the API in this process; None where it is off or not installed."""
    settings = app.services.settings
    if not settings.server.ui.enabled or any(find_spec(name) is None for name in ("jinja2", "markdown_it")):
        return None
    from penstock.client.client import AsyncClient, Client, Manners
    from penstock.client.open import authorization
    from penstock.ui.site import Dashboard

    own = replace(settings, api=replace(settings.api, key=None, auth_string=settings.server.api.auth_string))

    def api() -> AsyncClient:
        manners = Manners(timeout=PAGE_TIMEOUT, max_retries=0, headers=authorization(own))
        return AsyncClient(Client(WithinProcess(app, asyncio.get_running_loop()), manners))

    return Dashboard(api, app.services.hub, app.sessions, settings)


def _push_services(settings: Settings, push: PushPools) -> list[Service]:
    asked = settings.server.push
    if not asked.enabled:
        return []
    return [Service("push", asked.loop_seconds, push.run_once, PUSH_POOLS, push.close)]


def _push_host(pool: WorkPool, app: App) -> PoolHost:
    """A host in this process; its modules are imported once there is a push pool."""
    from penstock.client.client import AsyncClient, Client
    from penstock.client.open import manners
    from penstock.worker.push import Place, PushHost

    settings, hub = app.services.settings, app.services.hub
    jobs = _settings_of_jobs(settings, app.url)
    asked = settings.server.push

    def client() -> Client:
        own = replace(settings, api=replace(settings.api, key=None, auth_string=settings.server.api.auth_string))
        return Client(WithinProcess(app, asyncio.get_running_loop()), manners(own))

    place = Place(
        client=AsyncClient(client()),
        line=client(),
        settings=jobs,
        hear=lambda cancel: hear_cancellations(hub, cancel),
        lease_seconds=asked.lease_seconds,
        run_seconds=asked.maximum_run_seconds,
        clock=SystemClock(),
    )
    return PushHost(pool, place)


def _settings_of_jobs(settings: Settings, own_url: str | None) -> Settings:
    """What the jobs of push pools are told: how to reach this server, and nothing of its own affairs."""
    asked = settings.server
    url = asked.push.api_url or settings.api.url or own_url or asked.ui.api_url
    api = replace(settings.api, url=url, auth_string=settings.api.auth_string or asked.api.auth_string)
    told = Settings(home=Settings().home.expanduser())
    return replace(
        told, api=api, client=settings.client, logging=settings.logging, flows=settings.flows, tasks=settings.tasks
    )


def serve(
    settings: Settings,
    host: str | None = None,
    port: int | None = None,
    ready: Callable[[str], None] = lambda _: None,
    *,
    processes: int = 1,
    sources: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Serves over the network until SIGTERM or SIGINT; `ready` is told the API's address.

    Raises `SettingInvalid` for several processes on SQLite, `Unavailable` when the address or the database
    can't be had.
    """
    from penstock.server.serve import serve_app  # uvicorn takes a while to import, and embedded servers need none

    if processes == 1:
        return serve_app(build(settings, sources), host, port, ready)
    from penstock.server.replicas import serve_replicas

    _needs_postgres(settings, "Several server processes")
    api = settings.server.api
    return serve_replicas(
        lambda: build(settings, sources), processes, host or api.host, api.port if port is None else port, ready
    )


def serve_services(settings: Settings, ready: Callable[[], None] = lambda: None) -> None:
    """Runs the services without the API until SIGTERM or SIGINT. Raises as `serve`."""
    from penstock.server.replicas import run_services

    _needs_postgres(settings, "Services beside a server")
    run_services(build(settings), ready)


def _needs_postgres(settings: Settings, what: str) -> None:
    url = settings.server.database.connection_url or ""
    if url.startswith("sqlite"):
        raise SettingInvalid(
            f"{what} need PostgreSQL: a SQLite database has one process that writes to it. "
            "Set PENSTOCK_SERVER_DATABASE_CONNECTION_URL=postgresql://..., or start one server, which does all."
        )


def embedded(settings: Settings) -> EmbeddedServer:
    """A server inside this process that is the transport to itself."""
    return EmbeddedServer(lambda: build(settings), settings.server.ephemeral.startup_timeout_seconds)


def _csrf(settings: Settings, store: Database) -> CsrfGuard:
    """Replicas share one database, and so the key; SQLite has one process, and a key for its life."""
    api = settings.server.api
    lifetime = timedelta(seconds=api.csrf_token_expiration) if api.csrf_protection_enabled else None
    if store.dialect == "sqlite":
        return CsrfGuard(lifetime, os.urandom(32))
    secret = f"csrf {settings.server.database.connection_url or ''} {api.auth_string or ''}"
    return CsrfGuard(lifetime, hashlib.sha256(secret.encode()).digest())
