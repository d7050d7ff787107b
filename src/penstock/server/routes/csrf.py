"""Tokens against cross-site requests."""

from __future__ import annotations

from uuid import UUID

from penstock.errors import InvalidRequest
from penstock.ids import new_id
from penstock.server.bind import Request, handles
from penstock.wire import admin as wire
from penstock.wire.admin import CsrfToken


@handles(wire.csrf_token)
async def csrf_token(at: Request) -> CsrfToken:
    """A token for a client. While the protection is off, clients know this very text and stop asking."""
    if at.csrf.lifetime is None:
        raise InvalidRequest("CSRF protection is disabled.")
    client = at.query.get("client")
    if not client:
        raise InvalidRequest("The query parameter `client` is missing.")
    token, expiration = at.csrf.issue(client, at.now)
    made: UUID = new_id()
    return CsrfToken(id=made, token=token, client=client, expiration=expiration, created=at.now, updated=at.now)
