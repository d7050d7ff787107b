"""Builds a server from settings: store, hub, recorder, loops, application; and the ways to run it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from datetime import timedelta

from penstock.clock import utc_now
from penstock.errors import SettingInvalid
from penstock.server.app import App
from penstock.server.bind import Services
from penstock.server.broadcast import Broadcast
from penstock.server.csrf import CsrfGuard
from penstock.server.embedded import EmbeddedServer
from penstock.server.loops.loop import Loops, Tools
from penstock.server.loops.services import services
from penstock.server.recorder import Recorder
from penstock.server.sink import sink
from penstock.settings import Settings
from penstock.store.database import Database
from penstock.store.open import open_database


def build(settings: Settings) -> App:
    """The application, not yet started. Raises `SettingInvalid` for a database URL that can't be used."""
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
    loops = Loops(services(settings), Tools(store, hub, settings), utc_now)

    def problems() -> list[str]:
        found = loops.problems
        return [*found, recorder.problem] if recorder.problem else found

    return App(Services(store, settings, hub, recorder, _csrf(settings, store), problems), loops)


def serve(
    settings: Settings,
    host: str | None = None,
    port: int | None = None,
    ready: Callable[[str], None] = lambda _: None,
    *,
    processes: int = 1,
) -> None:
    """Serves over the network until SIGTERM or SIGINT; `ready` is told the API's address.

    Raises `SettingInvalid` for several processes on SQLite, `Unavailable` when the address or the database
    can't be had.
    """
    from penstock.server.serve import serve_app  # uvicorn takes a while to import, and embedded servers need none

    if processes == 1:
        return serve_app(build(settings), host, port, ready)
    from penstock.server.replicas import serve_replicas

    _needs_postgres(settings, "Several server processes")
    api = settings.server.api
    return serve_replicas(
        lambda: build(settings), processes, host or api.host, api.port if port is None else port, ready
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
