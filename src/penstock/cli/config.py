"""`penstock config`"""

from __future__ import annotations

import click

from penstock.cli.console import Failure, confirm, output_option, print_json, say
from penstock.cli.groups import Verbs
from penstock.cli.profiles import change
from penstock.names import nearest
from penstock.settings import Resolved, load, resolve
from penstock.settings.names import kind_of, path_of, paths, variable
from penstock.settings.shown import HIDDEN
from penstock.settings.shown import shown as plain
from penstock.settings.values import is_secret, parse

FIXED = {"home", "profiles_path"}


@click.group(cls=Verbs)
def config() -> None:
    """Settings, and where they come from."""


@config.command("set")
@click.argument("settings", nargs=-1, required=True, metavar="NAME=VALUE...")
def set_settings(settings: tuple[str, ...]) -> None:
    """Set values in the active profile."""
    given = {}
    for item in settings:
        name, equals, value = item.partition("=")
        if not equals:
            raise Failure(f"Can't understand {item!r}: write it as NAME=VALUE.")
        path = _path(name)
        _check(name, path, value)
        given[name.upper()] = (path, value)
    taken = {path for path, _ in given.values()}

    name = change(
        lambda old: {
            **{key: value for key, value in old.items() if path_of(key) not in taken},
            **{key: value for key, (_, value) in given.items()},
        }
    )
    for key, (path, value) in given.items():
        say(f"Set {key} to {HIDDEN if is_secret(kind_of(path)) else repr(value)}.")
    say(f"Updated profile {name!r}.")


def _path(name: str) -> str:
    path = path_of(name)
    if path is None:
        near = nearest(name.upper(), map(variable, paths()))
        raise Failure(f"Unknown setting {name!r}.{f' Did you mean {near}?' if near else ''}")
    return path


def _check(name: str, path: str, value: str) -> None:
    if path in FIXED:
        raise Failure(f"{name} decides where profiles are, so it can't be set in one; use the environment.")
    try:
        parse(value, kind_of(path))
    except ValueError as error:
        raise Failure(f"{name} can't be {value!r}: {error}") from None


@config.command()
@click.argument("setting_names", nargs=-1, required=True, metavar="NAME...")
@click.option("--yes", "-y", is_flag=True, help="Don't ask.")
def unset(setting_names: tuple[str, ...], yes: bool) -> None:
    """Take values out of the active profile."""
    resolved = resolve()
    values = resolved.profiles.named.get(resolved.profile, {})
    gone = {_path(name) for name in setting_names}
    there = {path_of(key) for key in values}
    for name in setting_names:
        if _path(name) not in there:
            raise Failure(f"{name} is not set in profile {resolved.profile!r}.")
    if not yes:
        confirm(f"Remove {', '.join(setting_names)} from profile {resolved.profile!r}?")
    change(lambda old: {key: value for key, value in old.items() if path_of(key) not in gone})
    for name in setting_names:
        say(f"Unset {name.upper()}.")
    say(f"Updated profile {resolved.profile!r}.")


@config.command()
def validate() -> None:
    """Check every setting that is set."""
    load()
    say("All settings are valid.")


@config.command()
@click.option("--show-defaults/--hide-defaults", default=False, help="Also settings that nobody set.")
@click.option("--show-sources/--hide-sources", default=True, help="Where each value comes from.")
@click.option("--show-secrets/--hide-secrets", default=False, help="Secrets as they are.")
@output_option
def view(show_defaults: bool, show_sources: bool, show_secrets: bool, as_json: bool) -> None:
    """Show what is set, and where."""
    resolved = resolve()
    shown = _shown(resolved, show_defaults=show_defaults, show_secrets=show_secrets)
    if as_json:
        return print_json({name: value for name, (value, _) in shown.items()})
    click.echo(f"PENSTOCK_PROFILE={resolved.profile!r}")
    for name, (value, source) in shown.items():
        click.echo(f"{name}={value!r}" + (f" (from {source})" if show_sources else ""))
    return None


def _shown(resolved: Resolved, *, show_defaults: bool, show_secrets: bool) -> dict[str, tuple[object, str]]:
    shown: dict[str, tuple[object, str]] = {}
    for path, value in plain(resolved.settings, secrets=show_secrets):
        found = resolved.found.get(path)
        if found is not None or show_defaults:
            shown[variable(path)] = (value, found.source if found else "defaults")
    return shown
