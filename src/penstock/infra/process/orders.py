"""What the driver and the keeper of its processes say to each other: JSON with its length in front."""

from __future__ import annotations

import struct

import msgspec

_LENGTH = struct.Struct("!I")


class Order(msgspec.Struct, frozen=True):
    """Begin a process: run `argv`, or, without it, call `entry` in a fork of the keeper."""

    identity: str
    folder: str
    cwd: str
    env: dict[str, str]
    argv: list[str] | None = None
    entry: str | None = None


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """A process began (`pid`), could not begin (`error`), or ended (`code`, negative for a signal)."""

    identity: str
    pid: int = 0
    error: str | None = None
    code: int | None = None


def pack(message: Order | Report) -> bytes:
    """The message as bytes for the socket."""
    body = msgspec.json.encode(message)
    return _LENGTH.pack(len(body)) + body


def unpack(buffer: bytearray) -> list[bytes]:
    """Takes the complete messages off the front of the buffer; an incomplete one stays."""
    found = []
    while len(buffer) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            break
        found.append(bytes(buffer[_LENGTH.size : end]))
        del buffer[:end]
    return found
