"""Plays recordings against a live server, in order, and says where its answers differ.

A recording is played as fast as the server answers. Where the recorded program had waited for
something to happen (it polled, or it slept), the same request is sent again until the answer fits or
as much time is over as there was in the recording, and a little more.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.live.api import Api
from tests.replay.mapping import Mapping
from tests.replay.recording import Recording, prologue
from tests.replay.shapes import Comparison, Difference
from tests.replay.sockets import Socket, open_socket, refusal, tag
from tests.replay.steadiness import UNSTEADY

PATIENCE = 20.0
"""Seconds a fitting answer may come later than in the recording."""

LONGEST = 48.0
"""Seconds an answer is waited for at most: longer than any delay that a server tells a client."""

ASKING = ("/filter", "/count", "/paginate", "/get_scheduled_flow_runs", "/get_runs", "/lateness", "/history")
"""Ends of the POST paths that change nothing, so that they may be repeated."""


@dataclass(frozen=True)
class Answer:
    """One entry's outcome: what it was and where it differs."""

    recording: str
    index: int
    method: str
    path: str
    differences: list[Difference]


@dataclass
class Player:
    """One replay of many recordings against one server; ids learnt in one are used in the next."""

    api: Api
    unexplained: Callable[[Answer], list[Difference]]
    """Which differences of an answer are worth asking again for."""

    mapping: Mapping = field(default_factory=Mapping)
    last_shift: timedelta = timedelta()

    def play(self, recording: Recording) -> Iterator[Answer]:
        """The outcome of each entry, as they are played."""
        for entry in prologue(recording):
            self.send(entry, self.shift(recording, entry))
        sockets: dict[int, Socket] = {}
        began = time.monotonic()
        for entry in recording.unrecorded:
            Comparison(self.mapping).walk(entry["response_body"], self.send(entry, self.shift(recording, entry))[1])
        for index, entry in enumerate(recording.entries):
            shift = self.shift(recording, entry)
            late = min(LONGEST, max(0.0, entry["at"] - (time.monotonic() - began)) + PATIENCE)
            if index in UNSTEADY.get(recording.number, ()):
                late = 0.2
            if entry.get("status") == 503:
                continue  # the recorded server was busy; its client sent the same again
            if "websocket" in entry:
                differences = self.websocket(entry, sockets, shift, late)
                yield Answer(recording.name, index, f"WS {entry['websocket']}", entry.get("path", ""), differences)
            else:
                step = partial(Answer, recording.name, index, entry["method"], entry["path"])
                yield self.exchange(entry, shift, late, step)
        for socket in sockets.values():
            socket.close(by_server=False)

    def shift(self, recording: Recording, entry: dict[str, Any]) -> timedelta:
        """How far the moments of this entry lie in the past."""
        if recording.began_at is not None:
            self.last_shift = datetime.now(UTC) - recording.began_at - timedelta(seconds=entry["at"])
        return self.last_shift

    def exchange(
        self, entry: dict[str, Any], shift: timedelta, late: float, step: Callable[[list[Difference]], Answer]
    ) -> Answer:
        """Sends one recorded request, again and again where that is harmless, and compares the answer."""
        deadline = time.monotonic() + late
        while True:
            status, live = self.send(entry, shift)
            comparison = Comparison(self.mapping)
            if status != entry["status"]:
                comparison.add("$", "status", (entry["status"], entry.get("response_body")), (status, live))
            if status == entry["status"] or {status, entry["status"]} == {200, 201}:
                comparison.walk(entry.get("response_body"), live)
            answer = step(comparison.found)
            again = status == 503 or repeatable(entry, live)
            if not again or time.monotonic() > deadline or not self.unexplained(answer):
                return answer
            time.sleep(0.1)

    def send(self, entry: dict[str, Any], shift: timedelta) -> tuple[int, Any]:
        path = self.mapping.text(entry["path"], shift).removeprefix("/api")
        headers = {key: self.mapping.text(value, shift) for key, value in entry.get("request_headers", {}).items()}
        status, raw = self.api.send(entry["method"], path, self.encoded(entry, shift), headers)
        try:
            return status, json.loads(raw) if raw else None
        except ValueError:
            return status, {"__text__": raw.decode(errors="replace")}

    def encoded(self, entry: dict[str, Any], shift: timedelta) -> bytes | None:
        body = entry.get("request_body")
        if body is None:
            return None
        if isinstance(body, dict) and "__text__" in body:
            return str(body["__text__"]).encode()
        return json.dumps(self.mapping.body(body, shift)).encode()

    def websocket(
        self, entry: dict[str, Any], sockets: dict[int, Socket], shift: timedelta, late: float
    ) -> list[Difference]:
        """Plays one step of a socket; the steps of one that was refused are passed over."""
        number = entry["connection"]
        if entry["websocket"] == "open":
            url = f"ws://{self.api.host}:{self.api.port}{self.mapping.text(entry['path'], shift)}"
            got = open_socket(url, entry)
            if isinstance(got, Socket):
                sockets[number] = got
            return refusal(entry, got)
        if number not in sockets:
            return []
        if entry["websocket"] == "close":
            return self.close(entry, sockets.pop(number))
        if entry["direction"] == "client->server":
            sockets[number].send(self.mapping.body(entry["data"], shift))
            return []
        return self.frame(entry["data"], sockets[number], shift, late)

    def close(self, entry: dict[str, Any], socket: Socket) -> list[Difference]:
        by_server = entry.get("by") == "server"
        code = socket.close(by_server)
        return [Difference("$", "status", entry["code"], code)] if by_server and code != entry["code"] else []

    def frame(self, recorded: dict[str, Any], socket: Socket, shift: timedelta, late: float) -> list[Difference]:
        """Waits for the frame that the recorded server sent here."""
        wanted = tag(self.mapping.body(recorded, shift))
        live = socket.receive(lambda frame: tag(frame) == wanted, late)
        if live is None:
            return [Difference("$", "missing", wanted, None)]
        comparison = Comparison(self.mapping)
        comparison.walk(recorded, live)
        return comparison.found


def repeatable(entry: dict[str, Any], live: Any) -> bool:
    """Whether asking again is harmless: a read, or a proposal that was told to wait."""
    if isinstance(live, dict) and live.get("status") == "WAIT":
        return True
    path = str(entry["path"]).partition("?")[0]
    return bool(entry["method"] == "GET") or path.endswith(ASKING)
