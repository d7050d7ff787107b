"""One kind of object of one namespace, kept up to date: listed, then watched, and listed again whenever in doubt.

A watch is only a hint that makes it fast: a broken connection, an answer of 410, or lines that make no sense
lead to a new list, and what is told is always what there is, never what has happened.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

import msgspec

from penstock.errors import InfrastructureFailed
from penstock.infra.kubernetes.cluster import Cluster, Expired, Listed, Stream
from penstock.infra.kubernetes.seen import Change, ObjectMeta, Trouble
from penstock.infra.polling import Absent, Pace, Passing

RELIST_SECONDS = 300.0
REFUSED_SECONDS = 10.0
"""Where watching is not allowed, listing has to do."""

log = logging.getLogger("penstock.infra")


class Versioned(msgspec.Struct):
    """Any object, read no further than its version."""

    metadata: ObjectMeta


class Feed:
    """A thread that tells what there is: whole lists, and single changes in between."""

    def __init__(
        self,
        cluster: Cluster,
        kind: str,
        namespace: str,
        pace: Pace,
        on_list: Callable[[Listed], None],
        on_change: Callable[[str, msgspec.Raw], None],
    ) -> None:
        self._cluster = cluster
        self._kind = kind
        self._namespace = namespace
        self._pace = pace
        self._on_list = on_list
        self._on_change = on_change
        self._closed = threading.Event()
        self._stream: Stream | None = None
        self._thread = threading.Thread(target=self._run, name=f"{kind} of {namespace}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends the thread soon; nobody has to wait for it."""
        self._closed.set()
        if self._stream:
            self._stream.close()

    def _run(self) -> None:
        waits = self._pace.waits()
        while not self._closed.is_set():
            began = time.monotonic()
            try:
                self._once()
            except Expired as error:
                log.debug("%s of %s are listed anew: %s", self._kind, self._namespace, error)
            except (Passing, Absent, InfrastructureFailed) as error:
                if self._closed.is_set():
                    return
                refused = isinstance(error, InfrastructureFailed)
                log.log(logging.WARNING if refused else logging.INFO, "watching again: %s", error)
                if time.monotonic() - began > self._pace.longest:
                    waits = self._pace.waits()
                self._closed.wait(REFUSED_SECONDS if refused else next(waits))
            except RuntimeError:  # the loop that is told has ended
                return
            except Exception:
                log.exception("watching %s of %s failed; they are listed anew", self._kind, self._namespace)
                self._closed.wait(next(waits))

    def _once(self) -> None:
        """A list, and then watches for as long as they go on from it."""
        listed: Listed = self._cluster.list(self._kind, self._namespace)
        self._on_list(listed)
        version, deadline = listed.version, time.monotonic() + RELIST_SECONDS
        while not self._closed.is_set() and time.monotonic() < deadline:
            began = time.monotonic()
            followed = self._follow(version)
            if followed == version and time.monotonic() - began < 1:
                raise Passing(f"the watch of {self._kind} ended at once")
            version = followed

    def _follow(self, version: str) -> str:
        """Tells the changes of one watch; gives the version to go on from."""
        self._stream = self._cluster.watch(self._kind, self._namespace, version)
        if self._closed.is_set():
            self._stream.close()
            return version
        for line in self._stream:
            if line.strip():
                version = self._take(line, version)
        return version

    def _take(self, line: bytes, version: str) -> str:
        try:
            change = msgspec.json.decode(line, type=Change)
            if change.type == "ERROR":
                raise _meaning(msgspec.json.decode(change.object, type=Trouble))
            seen = msgspec.json.decode(change.object, type=Versioned).metadata.resource_version
        except msgspec.DecodeError as error:
            raise Passing(f"a line of a watch is cut off: {error}") from error
        if change.type != "BOOKMARK":
            self._on_change(change.type, change.object)
        return seen or version


def _meaning(trouble: Trouble) -> Exception:
    said = trouble.message or trouble.reason or "no reason given"
    return Expired(said) if trouble.code == 410 else Passing(f"the watch was ended: {said}")
