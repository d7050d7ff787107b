"""What an answer that is not a success means: the error for its status, with the server's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import msgspec

from penstock.client.transport import Response
from penstock.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    Gone,
    InvalidRequest,
    Locked,
    NotFound,
    PenstockError,
    ServerFault,
    TooLarge,
    Unauthorized,
    Unavailable,
)

_BY_STATUS: dict[int, type[PenstockError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    422: InvalidRequest,
}


def failure(response: Response, what: str) -> PenstockError:
    """The error that an answer of 400 and above stands for; `what` is the call, such as `GET /flows/x`."""
    answered, said = f"{what} answered {response.status}", reason(response.body)
    message = said or answered
    if response.status == 423:
        return Locked(message, retry_after=retry_after(response) or 1.0)
    if response.status in (408, 429, 502, 503, 504):
        return Unavailable(message, retry_after=retry_after(response) or 1.0)
    if response.status in _BY_STATUS:
        return _BY_STATUS[response.status](message)
    return ServerFault(f"{answered}: {said}" if said else answered)


def reason(body: bytes) -> str:
    """The words in an error body: `detail` or `exception_message`, with each bad value's place."""
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        text = body.decode(errors="replace").strip()[:500]
        return "" if text.startswith("<") else text  # the page of a proxy says no more than its status
    if not isinstance(content, dict):
        return str(content or "")
    listed = content.get("exception_detail") or content.get("detail")
    if isinstance(listed, list):
        return "; ".join(_one(item) for item in listed)
    return str(content.get("detail") or content.get("exception_message") or "")


def _one(item: Any) -> str:
    if not isinstance(item, dict):
        return str(item)
    place = ".".join(str(part) for part in item.get("loc", ())).removeprefix("body.")
    message = str(item.get("msg")).removeprefix("Value error, ")
    return f"{place}: {message}" if place else message


def retry_after(response: Response) -> float | None:
    """Seconds the server asks to wait: a number or an HTTP date in `Retry-After`."""
    value = response.headers.get("retry-after")
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
