"""Which services this server runs, by its settings."""

from __future__ import annotations

from penstock.server.loops.loop import Service
from penstock.settings import Settings


def services(settings: Settings) -> list[Service]:
    """The enabled services."""
    return []
