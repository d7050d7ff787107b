"""Sessions of people who signed in on the dashboard: a cookie that says until when, and that this server signed it.

Nothing is stored. The key is made from the credentials: replicas that share them accept each other's sessions, and
changing them ends every session.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from penstock.clock import from_micros, to_micros

COOKIE = "penstock_session"
LIFETIME = timedelta(hours=12)


class Sessions:
    """Opens and recognises sessions; without credentials there are none, and none is asked for."""

    __slots__ = ("_key", "_secret")

    def __init__(self, auth_string: str | None) -> None:
        self._secret = (auth_string or "").encode()
        self._key = hashlib.sha256(b"penstock dashboard session\0" + self._secret).digest()

    def open(self, given: str, now: datetime) -> str | None:
        """A session's cookie value for who knows the credentials, else None. Compares in constant time."""
        if not self._secret or not hmac.compare_digest(given.encode(), self._secret):
            return None
        ends = f"{to_micros(now + LIFETIME):x}.{secrets.token_hex(8)}"
        return f"{ends}.{self._sign(ends)}"

    def admits(self, headers: Mapping[bytes, bytes], now: datetime) -> bool:
        """Whether a request carries a session that has not ended."""
        value = cookies(headers).get(COOKIE, "")
        ends, _, signature = value.rpartition(".")
        if not self._secret or not hmac.compare_digest(signature.encode(), self._sign(ends).encode()):
            return False
        return int(ends.partition(".")[0], 16) > to_micros(now)

    def ends_at(self, headers: Mapping[bytes, bytes], now: datetime) -> datetime | None:
        """When the session that a request carries ends; None without one."""
        if not self.admits(headers, now):
            return None
        return from_micros(int(cookies(headers)[COOKIE].partition(".")[0], 16))

    def _sign(self, ends: str) -> str:
        return hmac.new(self._key, ends.encode(), hashlib.sha256).hexdigest()


def cookies(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The cookies of a request; of repeated ones the first."""
    found: dict[str, str] = {}
    for part in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = part.strip().partition("=")
        found.setdefault(name, value)
    return found
