"""`penstock server`"""

from __future__ import annotations

import os
import time
from typing import Any

import click

from penstock.cli.background import Background
from penstock.cli.console import Failure, note, output_option, print_json, say
from penstock.cli.database import database, shown_url
from penstock.cli.groups import Verbs
from penstock.cli.services import services
from penstock.errors import PenstockError
from penstock.settings import Settings, current, resolve


@click.group(cls=Verbs)
def server() -> None:
    """The API server and its database."""


server.add_command(database)
server.add_command(services)


@server.command()
@click.option("--host", help="Address to listen on.")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.")
@click.option("--keep-alive-timeout", type=int, help="Seconds an idle connection is kept.")
@click.option("--log-level", help="DEBUG, INFO, WARNING, ERROR or CRITICAL.")
@click.option("--scheduler/--no-scheduler", default=None, help="Whether schedules make runs.")
@click.option("--late-runs/--no-late-runs", default=None, help="Whether late runs are marked.")
@click.option("--ui/--no-ui", default=None, help="Whether the dashboard is served.")
@click.option("--no-services", is_flag=True, help="Serve the API only.")
@click.option("--analytics-on/--analytics-off", default=None, help="Accepted for Prefect's sake; nothing is sent.")
@click.option("--background", "-b", is_flag=True, help="Return once it answers; `penstock server stop` ends it.")
@click.option(
    "--workers", type=click.IntRange(min=1), default=1, help="Processes that serve; more than 1 need PostgreSQL."
)
def start(
    host: str | None,
    port: int | None,
    keep_alive_timeout: int | None,
    log_level: str | None,
    scheduler: bool | None,
    late_runs: bool | None,
    ui: bool | None,
    no_services: bool,
    analytics_on: bool | None,
    background: bool,
    workers: int,
) -> None:
    """Start the server."""
    chosen = {
        "server.api.host": host,
        "server.api.port": port,
        "server.api.keepalive_timeout": keep_alive_timeout,
        "server.logging_level": log_level,
        "server.services.scheduler.enabled": scheduler,
        "server.services.late_runs.enabled": late_runs,
        "server.ui.enabled": ui,
    }
    overrides: dict[str, object] = {path: value for path, value in chosen.items() if value is not None}
    if no_services:
        overrides |= _without_services()
    resolved = resolve(overrides=overrides)
    settings = resolved.settings
    if background:
        return _start_in_background(settings, workers)
    from penstock.assemble import serve

    sources = {path: found.source for path, found in resolved.found.items()}
    return serve(settings, ready=lambda address: _announce(address, settings), processes=workers, sources=sources)


def _without_services() -> dict[str, object]:
    """Loops can run elsewhere; what clients report to this server must be recorded by it."""
    from penstock.settings.names import paths

    return {
        path: False
        for path in paths()
        if path.startswith("server.services.") and path.endswith(".enabled") and "recorder" not in path
    }


def _announce(address: str, settings: Settings) -> None:
    note(f"Penstock serves the API at {address}")
    note(f"The database is {shown_url(settings)}")
    note(f"Use it with: penstock config set PENSTOCK_API_URL={reachable(address)}\nStop it with Ctrl+C.")


def reachable(address: str) -> str:
    """The address by which a server that listens everywhere is reached from this machine."""
    return address.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


def _process(settings: Settings) -> Background:
    return Background(settings.home / "server.pid", settings.home / "server.log")


def _start_in_background(settings: Settings, workers: int) -> None:
    from penstock.settings import to_environment

    if settings.server.api.port == 0:
        raise Failure("A server in the background needs a port that is known: give one with --port.")
    process = _process(settings)
    if process.running():
        raise Failure(f"A server is running in the background (process {process.pid}); `penstock server stop` ends it.")
    url = f"http://{settings.server.api.host}:{settings.server.api.port}/api"
    process.start(["server", "start", "--workers", str(workers)], {**os.environ, **to_environment(settings)})
    if not _answers(url, 30, process):
        if process.running():
            raise Failure(
                f"The server (process {process.pid}) does not answer yet, and goes on: {process.log} says what it does,"
                " such as bringing the tables of a large database up to date. `penstock server status --wait` waits."
            )
        process.forget()
        raise Failure(f"The server did not start; its last words are in {process.log}:\n{process.tail()}")
    say(f"The server runs in the background (process {process.pid}) and serves the API at {url}.")


def _answers(url: str, seconds: float, process: Background) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and process.running():
        if not _problem(url):
            return True
        time.sleep(0.05)
    return False


@server.command()
@click.option("--wait", is_flag=True, help="Wait until it answers.")
@click.option("--timeout", "-t", type=float, default=0, help="How many seconds; 0: without end.")
@output_option
def status(wait: bool, timeout: float, as_json: bool) -> None:
    """Tell whether the server answers."""
    url = current().api.url
    if not url:
        raise Failure("No server is configured; set PENSTOCK_API_URL.")
    deadline = time.monotonic() + timeout if timeout else None
    problem = _problem(url)
    while problem and wait and (deadline is None or time.monotonic() < deadline):
        time.sleep(0.2)
        problem = _problem(url)
    if as_json:
        print_json({"status": "unavailable" if problem else "available", "api_url": url, "error": problem})
    if problem:
        if as_json:
            raise click.exceptions.Exit(1)
        raise Failure(f"The server at {url} is not available: {problem}")
    return None if as_json else say(f"The server at {url} is available.")


def _problem(url: str) -> str | None:
    from penstock.client.client import Client
    from penstock.client.open import manners
    from penstock.client.transport import HttpTransport
    from penstock.wire import admin

    behaviour: Any = manners(current())
    try:
        with Client(HttpTransport(url), type(behaviour)(timeout=5, max_retries=0, headers=behaviour.headers)) as client:
            client.call(admin.health)
    except PenstockError as error:
        return error.message
    return None


@server.command()
def stop() -> None:
    """Stop the server that runs in the background."""
    process = _process(current())
    if process.pid is None:
        return say("No server runs in the background.")
    if not process.running():
        process.forget()
        return say("The server in the background had ended already.")
    process.stop(30)
    return say("The server is stopped.")
