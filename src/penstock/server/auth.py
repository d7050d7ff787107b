"""The gate that every request, socket and page passes: open while no credentials are set, closed from then on."""

from __future__ import annotations

import base64
import binascii
import hmac

from penstock.errors import Unauthorized
from penstock.wire.model import encode

OPEN_PATHS = frozenset({"/health", "/ready"})
"""What answers without credentials, exactly: probes have none."""

REFUSED = encode({"exception_message": Unauthorized().message})


class Gate:
    """Knows the credentials: `user:password` as basic authentication, or the whole of it as bearer key."""

    __slots__ = ("_secret",)

    def __init__(self, auth_string: str | None) -> None:
        self._secret = auth_string.encode() if auth_string else None

    @property
    def closed(self) -> bool:
        """Whether anybody is asked for credentials."""
        return self._secret is not None

    def admits(self, authorization: bytes | None) -> bool:
        """Whether an `Authorization` header opens the gate."""
        if self._secret is None:
            return True
        scheme, _, value = (authorization or b"").partition(b" ")
        kind = scheme.lower()
        if kind == b"bearer":
            return self._equals(value.strip())
        if kind != b"basic":
            return False
        try:
            return self._equals(base64.b64decode(value, validate=True))
        except binascii.Error:
            return False

    def admits_token(self, token: object) -> bool:
        """Whether the token of a socket's first frame opens the gate."""
        return self._secret is None or (isinstance(token, str) and self._equals(token.encode()))

    def _equals(self, given: bytes) -> bool:
        """Compares in constant time, whatever the lengths."""
        return self._secret is not None and hmac.compare_digest(given, self._secret)
