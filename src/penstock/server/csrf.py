"""Protection against cross-site requests: with it on, every change needs a token this server gave out.

Tokens are signed, not stored: client and expiry under a key. Replicas on one database share the key,
because it is made from the database's address and the credentials.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from penstock.clock import from_micros, to_micros
from penstock.errors import Forbidden

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class CsrfGuard:
    """Gives and checks tokens; with `lifetime` None the protection is off."""

    __slots__ = ("_key", "lifetime")

    def __init__(self, lifetime: timedelta | None, key: bytes) -> None:
        self.lifetime = lifetime
        self._key = key

    def issue(self, client: str, now: datetime) -> tuple[str, datetime]:
        """A token for a client, and when it ends."""
        expiry = to_micros(now + (self.lifetime or timedelta()))
        return f"{self._sign(client, expiry)}{expiry:016x}", from_micros(expiry)

    def check(self, method: str, headers: Mapping[bytes, bytes], now: datetime) -> None:
        """Raises `Forbidden` for a change without a good token; its wording makes clients fetch another."""
        if self.lifetime is None or method not in CHANGES:
            return
        token = headers.get(b"prefect-csrf-token", b"").decode("latin-1")
        client = headers.get(b"prefect-csrf-client", b"").decode("latin-1")
        if not token:
            raise Forbidden("Missing CSRF token.")
        if not client:
            raise Forbidden("Missing client identifier.")
        if not self._is_good(token, client, now):
            raise Forbidden("Invalid CSRF token or client identifier.")

    def _is_good(self, token: str, client: str, now: datetime) -> bool:
        signature, expiry = token[:64], token[64:]
        try:
            moment = int(expiry, 16)
        except ValueError:
            return False
        signed = hmac.compare_digest(signature.encode(), self._sign(client, moment).encode())
        return signed and moment >= to_micros(now)

    def _sign(self, client: str, expiry: int) -> str:
        return hmac.new(self._key, f"{client} {expiry}".encode(), hashlib.sha256).hexdigest()
