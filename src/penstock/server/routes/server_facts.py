"""The server about itself."""

from __future__ import annotations

import platform

from penstock import __version__
from penstock.server.bind import Request, handles
from penstock.server.versions import API_VERSION, PREFECT_VERSION
from penstock.settings.names import variable
from penstock.settings.shown import HIDDEN, shown, without_password
from penstock.store import configuration
from penstock.wire import server_facts as wire
from penstock.wire.server_facts import DatabaseFacts, ServerFacts, SettingFact


@handles(wire.read_server_facts)
async def read(at: Request) -> ServerFacts:
    """What it is, what it stores in, and how it is set up."""
    version, migration = await at.store.read(configuration.describe_database())
    return ServerFacts(
        version=__version__,
        api_version=API_VERSION,
        prefect_version=PREFECT_VERSION,
        python=platform.python_version(),
        started_at=at.origin.started_at,
        database=DatabaseFacts(
            kind=at.store.dialect,
            address=without_password(at.settings.server.database.connection_url or ""),
            version=version,
            migration=migration,
        ),
        settings=_settings(at),
        problems=at.problems(),
    )


def _settings(at: Request) -> list[SettingFact]:
    """Those that somebody set. Headers may carry credentials, and so may an address: they are hidden too."""
    found = []
    for path, value in shown(at.settings):
        if (source := at.origin.sources.get(path)) is not None:
            value = HIDDEN if isinstance(value, dict) and value else value
            value = without_password(value) if isinstance(value, str) else value
            found.append(SettingFact(name=variable(path), value=value, source=source))
    return found
