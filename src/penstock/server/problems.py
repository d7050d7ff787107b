"""Errors as the API words them: which status carries which body."""

from __future__ import annotations

from typing import Any

import msgspec

from penstock.errors import InvalidRequest, Locked, PenstockError, Unavailable
from penstock.server.bodies import BodyInvalid, value_at
from penstock.wire.model import encode

Problem = tuple[int, bytes, list[tuple[bytes, bytes]]]


def problem(error: PenstockError, body: bytes = b"", *, plain_404: bool = False) -> Problem:
    """Status, JSON and headers that an error is answered with.

    A value at a known place of the body gives the validation report; 401, all of 5xx, and with
    `plain_404` a 404 say `exception_message`; the rest says `detail`.
    """
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, Locked | Unavailable):
        headers.append((b"retry-after", f"{error.retry_after:g}".encode()))
    if isinstance(error, InvalidRequest) and error.loc is not None:
        return 422, _report(error, error.loc, body), headers
    status = error.status
    worded = status == 401 or status >= 500 or (plain_404 and status == 404)
    return status, encode({"exception_message" if worded else "detail": error.message}), headers


def _report(error: InvalidRequest, loc: tuple[str | int, ...], body: bytes) -> bytes:
    sent = _sent(body)
    place = loc[1:] if loc[:1] == ("body",) else loc
    if isinstance(error, BodyInvalid):
        kind, message, value = error.kind, error.message, error.value
    else:
        kind, message, value = "value_error", f"Value error, {error.message}", value_at(sent, place)
    found = {"type": kind, "loc": ["body", *place], "msg": message, "input": value}
    return encode({"exception_message": "Invalid request received.", "exception_detail": [found], "request_body": sent})


def _sent(body: bytes) -> Any:
    """The body as it can be shown: decoded, or as text when it is no JSON."""
    if not body:
        return None
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return body.decode("utf-8", "replace")
