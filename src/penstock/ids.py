"""Identifiers: UUIDs that sort by the time they were made (version 7, RFC 9562)."""

from __future__ import annotations

import os
import time
from uuid import UUID

_last_millis = 0
_sequence = 0


def new_id() -> UUID:
    """A new UUIDv7. Within this process a later id always sorts after an earlier one."""
    global _last_millis, _sequence
    millis = time.time_ns() // 1_000_000
    if millis <= _last_millis:
        _sequence += 1
        millis = _last_millis + (_sequence >> 12)
    else:
        _last_millis, _sequence = millis, int.from_bytes(os.urandom(1), "big")
    head = (millis << 80) | (0x7 << 76) | ((_sequence & 0xFFF) << 64)
    return UUID(int=head | (0x2 << 62) | (int.from_bytes(os.urandom(8), "big") >> 2))
