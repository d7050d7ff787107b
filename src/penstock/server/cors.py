"""Web pages of other origins: which of them a browser lets use the API."""

from __future__ import annotations

from collections.abc import Mapping

from penstock.server.bind import Headers, Reply
from penstock.settings.server import ServerApi

METHODS = b"GET, POST, PUT, PATCH, DELETE, OPTIONS"
REMEMBER_FOR = b"600"


class Cors:
    """The allowed origins, methods and headers, as the settings name them."""

    def __init__(self, api: ServerApi) -> None:
        self._origins = {origin.strip().encode("latin-1") for origin in api.cors_allowed_origins.split(",")} - {b""}
        self._methods = METHODS if api.cors_allowed_methods == "*" else api.cors_allowed_methods.encode("latin-1")
        self._headers = api.cors_allowed_headers.encode("latin-1")

    def headers(self, sent: Mapping[bytes, bytes]) -> Headers:
        """What an answer carries for the page that asked; nothing when its origin is not allowed, or it names none."""
        origin = sent.get(b"origin")
        if origin is None or not (origin in self._origins or b"*" in self._origins):
            return []
        return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]

    def preflight(self, method: str, sent: Mapping[bytes, bytes]) -> Reply | None:
        """The answer to a browser that asks beforehand, which it does without credentials; None for anything else."""
        if method != "OPTIONS" or b"access-control-request-method" not in sent:
            return None
        allowed = self.headers(sent)
        if not allowed:
            return Reply(400, b'{"detail":"Disallowed CORS origin"}', [])
        wanted = sent.get(b"access-control-request-headers", b"") if self._headers == b"*" else self._headers
        more = [
            (b"access-control-allow-methods", self._methods),
            (b"access-control-allow-headers", wanted),
            (b"access-control-max-age", REMEMBER_FOR),
        ]
        return Reply(200, b"null", [*allowed, *more])
