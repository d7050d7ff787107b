"""Settings resolved: the strongest source of each wins, what depends on others is filled in."""

from __future__ import annotations

import contextvars
import functools
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from msgspec.structs import replace

from penstock.errors import SettingInvalid
from penstock.settings import layers, names, profiles, values
from penstock.settings.layers import Found, Layer
from penstock.settings.server import Database, Server
from penstock.settings.shape import Settings


class Resolved(NamedTuple):
    """The settings, what was set where, and the profile that was used."""

    settings: Settings
    found: Layer
    profile: str
    profiles: profiles.Profiles


def load(
    environ: Mapping[str, str] | None = None, cwd: Path | None = None, overrides: Mapping[str, object] | None = None
) -> Settings:
    """The settings as they are now. Raises SettingInvalid for a value that can't be used."""
    return resolve(environ, cwd, overrides).settings


def resolve(
    environ: Mapping[str, str] | None = None, cwd: Path | None = None, overrides: Mapping[str, object] | None = None
) -> Resolved:
    """`load`, with the sources kept.

    Strongest first: overrides, environment, `.env`, `penstock.toml` (else `prefect.toml`), `pyproject.toml`,
    the active profile. Files are looked for in `cwd` only.
    """
    environ = os.environ if environ is None else environ
    folder = Path.cwd() if cwd is None else cwd
    stack = [layers.from_overrides(overrides or {}), layers.from_environment(environ), layers.from_dotenv(folder)]
    stack += layers.from_files(folder)
    found = _strongest(stack)
    known = profiles.load(_profiles_path(found))
    name = _variable(environ, "PROFILE") or known.active
    found = _strongest([found, layers.from_profile(known, name)])
    return Resolved(_with_derived(_build(Settings(), found)), found, name, known)


@functools.cache
def _from_process() -> Settings:
    return load()


_scoped: contextvars.ContextVar[Settings | None] = contextvars.ContextVar("settings", default=None)


def current() -> Settings:
    """The process's settings, read once; inside `using`, those. For entrances, which hand them on."""
    return _scoped.get() or _from_process()


@contextmanager
def using(settings: Settings) -> Iterator[Settings]:
    """Makes `current()` give these settings within the block, for this thread or task."""
    token = _scoped.set(settings)
    try:
        yield settings
    finally:
        _scoped.reset(token)


def forget() -> None:
    """Makes the next `current()` read the sources again."""
    _from_process.cache_clear()


_DERIVED = (
    "profiles_path",
    "ui_url",
    "results.local_storage_path",
    "server.database.connection_url",
    "server.ui.api_url",
)


def to_environment(settings: Settings) -> dict[str, str]:
    """The variables that give a child process these settings: every value that is not the default.

    Each goes out under both prefixes, so that code which uses Prefect works in our jobs; the home folder
    only under ours, so that Prefect does not write into it.
    """
    unset = Settings(home=settings.home, api=settings.api, server=Server(api=settings.server.api))
    derived = dict(names.walk(_with_derived(unset)))
    expected = dict(names.walk(Settings())) | {path: derived[path] for path in _DERIVED}
    expected["home"] = Settings().home.expanduser()
    variables = {}
    for path, value in names.walk(settings):
        if value is None or value == expected[path]:
            continue
        for prefix in names.PREFIXES[: 1 if path in ("home", "profiles_path") else 2]:
            variables[prefix + names.canonical(path)] = _text(value)
    return variables


def _text(value: object) -> str:
    if isinstance(value, tuple | dict):
        import msgspec

        return msgspec.json.encode(value).decode()
    return str(value)


def _strongest(stack: list[Layer]) -> Layer:
    found: Layer = {}
    for layer in reversed(stack):
        found |= layer
    return found


def _variable(environ: Mapping[str, str], suffix: str) -> str | None:
    return next((environ[prefix + suffix] for prefix in names.PREFIXES if environ.get(prefix + suffix)), None)


def _profiles_path(found: Layer) -> Path:
    chosen = {path: _value(path, found[path]) for path in ("home", "profiles_path") if path in found}
    home: Path = chosen.get("home", Settings().home.expanduser())
    path: Path = chosen.get("profiles_path", home / "profiles.toml")
    return path


def _build(section: Any, found: Layer, prefix: str = "") -> Any:
    """The section with what was found in place of its defaults."""
    changes = {}
    for name in section.__struct_fields__:
        path = prefix + name
        if path in found:
            changes[name] = _value(path, found[path])
        elif any(other.startswith(f"{path}.") for other in found):
            changes[name] = _build(getattr(section, name), found, f"{path}.")
    return replace(section, **changes) if changes else section


def _value(path: str, found: Found) -> Any:
    kind = names.kind_of(path)
    try:
        return values.parse(found.raw, kind)
    except ValueError as error:
        shown = "********" if values.is_secret(kind) else repr(found.raw)
        raise SettingInvalid(f"{found.name} = {shown} (from {found.source}) can't be used: {error}") from None


def _with_derived(settings: Settings) -> Settings:
    home = settings.home.expanduser()
    own = f"http://{settings.server.api.host}:{settings.server.api.port}/api"
    api_url = settings.api.url.rstrip("/") if settings.api.url else None
    server = settings.server
    ui = replace(server.ui, api_url=server.ui.api_url or api_url or own)
    database = replace(server.database, connection_url=_connection_url(server.database, home))
    return replace(
        settings,
        home=home,
        profiles_path=settings.profiles_path or home / "profiles.toml",
        ui_url=settings.ui_url or (api_url.removesuffix("/api") if api_url else None),
        api=replace(settings.api, url=api_url),
        results=replace(settings.results, local_storage_path=settings.results.local_storage_path or home / "storage"),
        server=replace(server, ui=ui, database=database),
    )


def _connection_url(database: Database, home: Path) -> values.Secret:
    if database.connection_url:
        return database.connection_url
    if not database.driver:
        return values.Secret(f"sqlite:///{home / 'penstock.db'}")
    if database.driver == "sqlite+aiosqlite":
        return values.Secret(f"sqlite:///{database.name or home / 'penstock.db'}")
    missing = [part for part in ("host", "user", "name") if not getattr(database, part)]
    if missing:
        raise SettingInvalid(
            f"server.database.driver is {database.driver}, which also needs "
            + ", ".join(f"server.database.{part}" for part in missing)
        )
    return values.Secret(_postgres_url(database))


def _postgres_url(database: Database) -> str:
    from urllib.parse import quote

    login = quote(database.user or "", safe="")
    if database.password:
        login += f":{quote(database.password, safe='')}"
    return f"postgresql://{login}@{database.host}:{database.port or 5432}/{database.name}"
