"""Answers made small for the way, where the reader says that it can unpack them.

A page's form token is packed with words of its address: a guess in the address that is like the token would make the
answer shorter. Other sites can't try that, since the cookie with the token is not sent from them, and without it each
page has a new one.
"""

from __future__ import annotations

import gzip
import re

from penstock.server.bind import Reply
from penstock.server.site import Visit

LEAST_BYTES = 1_000
"""What is smaller fits in one packet anyhow."""
BRISK, SMALLEST = 4, 9
VARIES = (b"vary", b"accept-encoding")
"""What tells caches that others may get it otherwise; pages are in none."""
_NONE = re.compile(rb"q=0(\.0*)?")
_PACKED = (b"content-encoding", b"gzip")


def unpacks(visit: Visit) -> bool:
    """Whether the reader takes gzip."""
    for one in visit.headers.get(b"accept-encoding", b"").lower().split(b","):
        name, _, weight = one.partition(b";")
        if name.strip() == b"gzip":
            return _NONE.fullmatch(weight.replace(b" ", b"")) is None
    return False


def packed(reply: Reply, level: int = BRISK) -> Reply:
    """The reply with its body packed; small ones and what is no text stay as they are."""
    if len(reply.body) < LEAST_BYTES or not reply.media_type.startswith((b"text/", b"image/svg")):
        return reply
    body = gzip.compress(reply.body, level, mtime=0)
    return reply._replace(body=body, headers=[*reply.headers, _PACKED])
