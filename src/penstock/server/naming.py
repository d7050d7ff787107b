"""Refuses names that the API does not allow, in its words."""

from __future__ import annotations

from penstock.names import is_allowed
from penstock.server.bodies import BodyInvalid

PATTERN = "^[^/%&><]+$"


def check_name(name: str | None, *place: str | int) -> None:
    """Raises `BodyInvalid` for a name with one of `/ % & > <`, or an empty one; `place` is where it is in the body."""
    if name is not None and not is_allowed(name):
        message = f"String should match pattern '{PATTERN}'"
        raise BodyInvalid("string_pattern_mismatch", place or ("name",), message, name)
