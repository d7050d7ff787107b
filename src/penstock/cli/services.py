"""`penstock server services`"""

from __future__ import annotations

import os
import time

import click

from penstock.cli.background import Background
from penstock.cli.console import Failure, note, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.tables import table
from penstock.settings import Settings, current
from penstock.settings.names import variable


@click.group(cls=Verbs, aliases={"list": "ls", "enable": "start", "disable": "stop"})
def services() -> None:
    """What the server does beside answering."""


@services.command()
@output_option
def ls(as_json: bool) -> None:
    """List services."""
    every = current().server.services
    found = [
        {
            "name": name,
            "enabled": bool(getattr(every, name).enabled),
            "setting": variable(f"server.services.{name}.enabled"),
            "description": (type(getattr(every, name)).__doc__ or "").strip(),
        }
        for name in every.__struct_fields__
    ]
    if as_json:
        return print_json(found)
    table(["Name", "Enabled", "Description"], [[one["name"], one["enabled"], one["description"]] for one in found])
    return note("Each is switched by its setting, such as PENSTOCK_SERVER_SERVICES_SCHEDULER_ENABLED=false.")


@services.command()
@click.option(
    "--background", "-b", is_flag=True, help="Return once they run; `penstock server services stop` ends them."
)
def start(background: bool) -> None:
    """Run the services without the API, beside servers started with --no-services; needs PostgreSQL."""
    settings = current()
    if background:
        return _start_in_background(settings)
    from penstock.assemble import serve_services

    return serve_services(settings, ready=lambda: note(RUNNING))


RUNNING = "The services run. Stop them with Ctrl+C."


def _process(settings: Settings) -> Background:
    return Background(settings.home / "services.pid", settings.home / "services.log")


def _start_in_background(settings: Settings) -> None:
    process = _process(settings)
    if process.running():
        raise Failure(
            f"Services run in the background (process {process.pid}); `penstock server services stop` ends them."
        )
    process.log.unlink(missing_ok=True)
    process.start(["server", "services", "start"], os.environ)
    deadline = time.monotonic() + 30
    while RUNNING not in process.tail():
        if not process.running() or time.monotonic() > deadline:
            process.stop(5)
            raise Failure(f"The services did not start:\n{process.tail()}")
        time.sleep(0.05)
    say(f"The services run in the background (process {process.pid}).")


@services.command()
def stop() -> None:
    """Stop the services that run in the background."""
    process = _process(current())
    if process.pid is None:
        return say("No services run in the background.")
    if not process.running():
        process.forget()
        return say("The services in the background had ended already.")
    process.stop(30)
    return say("The services are stopped.")
