"""Which API versions a client may speak."""

from __future__ import annotations

from functools import lru_cache

from penstock.errors import BadRequest

API_VERSION = "0.8.4"
PREFECT_VERSION = "3.8.8"
"""The Prefect version that clients are told: they refuse another major one."""
OLDEST = (0, 8, 0)


@lru_cache(maxsize=64)
def refusal(version: bytes) -> BadRequest | None:
    """Why a client of this `X-PREFECT-API-VERSION` is refused, or None."""
    text = version.decode("latin-1")
    parts = text.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        return BadRequest(f"X-PREFECT-API-VERSION is {text!r}; three numbers are expected, such as 0.8.4.")
    if tuple(int(part) for part in parts) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        return BadRequest(f"API version {text} is too old for this server: it speaks {oldest} and later.")
    return None
