"""The server's log: one event per line, with its fields."""

from __future__ import annotations

import logging
import sys

_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class Lines(logging.Formatter):
    """`12:00:01.123 WARNING penstock.server | an event was refused  reason='...'`."""

    default_msec_format = "%s.%03d"

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {name} | {message}", "%H:%M:%S", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        fields = "".join(f"  {name}={value!r}" for name, value in vars(record).items() if name not in _KNOWN)
        return super().formatMessage(record) + fields


def configure(level: str) -> None:
    """Sends the server's log to stderr, unless the program has set up logging itself."""
    if not logging.getLogger().handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(Lines())
        logging.getLogger().addHandler(handler)
    logging.getLogger("penstock.server").setLevel(level)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("uvicorn.error").addFilter(_is_news)


def _is_news(record: logging.LogRecord) -> bool:
    """uvicorn 0.54 takes a WebSocket that was refused with a status of ours for one that was forgotten."""
    return record.getMessage() != "ASGI callable returned without completing handshake."
