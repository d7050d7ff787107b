"""`penstock profile`"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import click

from penstock.cli.console import Failure, confirm, note, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.errors import PenstockError
from penstock.settings import forget, resolve
from penstock.settings.profiles import BUILT_IN, Profiles
from penstock.settings.values import is_secret

Values = Mapping[str, object]


@click.group(cls=Verbs)
def profile() -> None:
    """Named sets of settings."""


def change(how: Callable[[Values], Values]) -> str:
    """Rewrites the active profile and gives its name."""
    resolved = resolve()
    named = {**resolved.profiles.named, resolved.profile: how(resolved.profiles.named.get(resolved.profile, {}))}
    resolved.profiles._replace(named=named).save()
    forget()
    return resolved.profile


def _known(profiles: Profiles, name: str) -> Values:
    if name not in profiles.named:
        raise Failure(f"Profile {name!r} not found. There are: {', '.join(profiles.named)}.")
    return profiles.named[name]


@profile.command()
@output_option
def ls(as_json: bool) -> None:
    """List profiles; the active one has a star."""
    resolved = resolve()
    if as_json:
        return print_json([{"name": name, "active": name == resolved.profile} for name in resolved.profiles.named])
    for name in resolved.profiles.named:
        say(f"{'*' if name == resolved.profile else ' '} {name}")
    return None


@profile.command()
@click.argument("name")
@click.option("--from", "source", metavar="NAME", help="Begin with the settings of this one.")
def create(name: str, source: str | None) -> None:
    """Create a profile."""
    profiles = resolve().profiles
    if name in profiles.named:
        raise Failure(f"Profile {name!r} already exists; `penstock profile use {name}` makes it the active one.")
    values = _known(profiles, source) if source else {}
    profiles._replace(named={**profiles.named, name: values}).save()
    say(f"Created profile {name!r}. `penstock profile use {name}` makes it the active one.")


@profile.command()
@click.argument("name")
def use(name: str) -> None:
    """Make a profile the active one, and see whether its server answers."""
    profiles = resolve().profiles
    _known(profiles, name)
    profiles._replace(active=name).save()
    forget()
    say(f"The active profile is {name!r} now.")
    _greet(name)


def _greet(name: str) -> None:
    """Tells whether the profile's server can be used. Raises Failure when it can't."""
    import os

    from penstock.client.open import open_client
    from penstock.settings import load
    from penstock.wire import admin

    settings = load({**os.environ, "PENSTOCK_PROFILE": name})
    if settings.api.url is None:
        if not settings.server.ephemeral.enabled:
            raise Failure("It names no server: set PENSTOCK_API_URL in it.")
        return say("Commands and scripts use a server of their own.")
    try:
        with open_client(settings) as client:
            client.call(admin.server_version, timeout=5)
    except PenstockError as error:
        raise Failure(f"Its server at {settings.api.url} can't be used: {error.message}") from None
    return say(f"Its server at {settings.api.url} answers.")


@profile.command()
@click.argument("name")
def delete(name: str) -> None:
    """Delete a profile."""
    resolved = resolve()
    _known(resolved.profiles, name)
    if name == resolved.profile:
        raise Failure(f"The profile {name!r} is the active one; use another one first.")
    confirm(f"Delete the profile {name!r}?")
    kept = {other: values for other, values in resolved.profiles.named.items() if other != name}
    resolved.profiles._replace(named=kept).save()
    say(f"Deleted profile {name!r}.")


@profile.command()
@click.argument("name")
@click.argument("new_name")
def rename(name: str, new_name: str) -> None:
    """Rename a profile."""
    profiles = resolve().profiles
    _known(profiles, name)
    if new_name in profiles.named:
        raise Failure(f"Profile {new_name!r} already exists.")
    named = {new_name if other == name else other: values for other, values in profiles.named.items()}
    profiles._replace(named=named, active=new_name if profiles.active == name else profiles.active).save()
    say(f"Renamed profile {name!r} to {new_name!r}.")


@profile.command()
@click.argument("name", required=False)
@output_option
def inspect(name: str | None, as_json: bool) -> None:
    """Show the settings of a profile, the active one by default."""
    resolved = resolve()
    name = name or resolved.profile
    values = {key: _shown(key, value) for key, value in _known(resolved.profiles, name).items()}
    if as_json:
        return print_json(values)
    if not values:
        note(f"The profile {name!r} sets nothing.")
    for key, value in values.items():
        click.echo(f"{key}={value}")
    return None


def _shown(key: str, value: object) -> object:
    from penstock.settings.names import kind_of, path_of

    path = path_of(key)
    return "********" if path and is_secret(kind_of(path)) else value


@profile.command("populate-defaults")
def populate_defaults() -> None:
    """Add the built-in profiles that are missing from the file."""
    profiles = resolve().profiles
    missing = [name for name in BUILT_IN if name not in profiles.named]
    if missing:
        confirm(f"Add {', '.join(missing)} to {profiles.path}?")
    profiles._replace(named={**BUILT_IN, **profiles.named}).save()
    say(f"The profiles are in {profiles.path}.")
