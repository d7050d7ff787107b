"""Signing in, where the server asks for credentials, and out again."""

from __future__ import annotations

from penstock.server.bind import Reply
from penstock.server.sessions import COOKIE, LIFETIME
from penstock.ui.reader import Reader
from penstock.ui.routes import page

ASK = (b"www-authenticate", b'Bearer realm="penstock"')


def form(at: Reader, *, wrong: bool = False) -> Reply:
    """The form; it leads back to the page that was asked for."""
    wanted = at.field("next") or at.here()
    reply = at.render("sign_in.html", 401, next=wanted, wrong=wrong)
    return reply._replace(headers=[*reply.headers, ASK])


@page("GET", "/sign-in")
async def ask(at: Reader) -> Reply:
    """The form alone."""
    return at.go(at.link("/")) if not at.site.signs_in else form(at)


@page("POST", "/sign-in")
async def enter(at: Reader) -> Reply:
    """Opens a session for who knows the credentials."""
    session = at.site.sessions.open(at.field("key"), at.now)
    if session is None:
        return form(at, wrong=True)
    wanted = at.field("next")
    safe = wanted if wanted.startswith("/") and not wanted.startswith(("//", "/\\")) else at.link("/")
    safe = at.link("/") if safe.endswith("/sign-in") else safe
    return at.go(safe, cookies=[at.cookie(COOKIE, session, seconds=int(LIFETIME.total_seconds()))])


@page("POST", "/sign-out")
async def leave(at: Reader) -> Reply:
    """Ends the session in this browser."""
    return at.go(at.link("/sign-in"), cookies=[at.cookie(COOKIE, "", seconds=0)])
