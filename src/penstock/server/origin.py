"""Where a server comes from: since when it is, and who said how it is set up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """`sources` are where settings were set, by path: `env`, `profile`, ...; nothing of those that nobody set."""

    started_at: datetime
    sources: Mapping[str, str]
