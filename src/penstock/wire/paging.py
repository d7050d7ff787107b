"""Limits and offsets of lists: what a body asks for, within what the API allows."""

from __future__ import annotations

from penstock.errors import InvalidRequest
from penstock.wire.model import Criteria

MOST = 200
"""Default and greatest `limit` of a list (Prefect's `server.api.default_limit`)."""


def window(body: Criteria, most: int = MOST) -> tuple[int, int]:
    """Limit and offset; InvalidRequest for a negative one, or a limit above `most`."""
    limit = most if body.limit is None else body.limit
    offset = body.offset or 0
    if limit < 0 or limit > most:
        raise InvalidRequest(f"Invalid limit: must be from 0 to {most}, not {limit}.", loc=("body", "limit"))
    if offset < 0:
        raise InvalidRequest("Input should be greater than or equal to 0", loc=("body", "offset"))
    return limit, offset
