"""What Penstock adds for telling about the server itself: its version, its database, and which settings are set."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from penstock.wire.endpoint import get
from penstock.wire.model import Model


class DatabaseFacts(Model):
    """The database, `sqlite` or `postgres`: its address without a password, its version, its last migration."""

    kind: str
    address: str
    version: str
    migration: str


class SettingFact(Model):
    """A setting that somebody set, by its variable. `source` is `env`, `profile`, a file's name; secrets are hidden."""

    name: str
    value: Any
    source: str


class ServerFacts(Model):
    """The process that answers: `problems` are what in it does not do what it should."""

    version: str
    api_version: str
    prefect_version: str
    """The version of Prefect whose server it stands in for."""
    python: str
    started_at: datetime
    database: DatabaseFacts
    settings: list[SettingFact]
    problems: list[str]


read_server_facts = get("/penstock/server", returns=ServerFacts)
