"""A double of Google Cloud Storage: the few calls of its JSON API that reading, writing and listing need.

Clients are led to it by `STORAGE_EMULATOR_HOST`; they do not authenticate to a host that is not Google's.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

_PART = re.compile(rb"\r?\n\r?\n")


class Bucket(ThreadingHTTPServer):
    """One server for all buckets; `objects` are their contents by (bucket, name)."""

    objects: dict[tuple[str, str], bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Bucket
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        bucket, name = _place(parts.path)
        if name is None:
            self._answer(self._listed(bucket, query.get("prefix", "")))
        elif (bucket, name) not in self.server.objects:
            self._send(404, b'{"error": {"code": 404, "message": "No such object"}}', "application/json")
        elif query.get("alt") == "media":
            self._send(200, self.server.objects[bucket, name], "application/octet-stream")
        else:
            self._answer(self._about(bucket, name))

    def do_POST(self) -> None:
        """An upload in one request: a part about the object, and a part with its content."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        bucket, _ = _place(urlsplit(self.path).path)
        boundary = self.headers["Content-Type"].partition("boundary=")[2].strip('"').encode()
        _, about, content, _ = body.split(b"--" + boundary)
        name = json.loads(_PART.split(about, maxsplit=1)[1])["name"]
        self.server.objects[bucket, name] = _PART.split(content, maxsplit=1)[1].removesuffix(b"\n")
        self._answer(self._about(bucket, name))

    def _listed(self, bucket: str, prefix: str) -> dict[str, object]:
        names = sorted(name for place, name in self.server.objects if place == bucket and name.startswith(prefix))
        return {"kind": "storage#objects", "items": [self._about(bucket, name) for name in names]}

    def _about(self, bucket: str, name: str) -> dict[str, object]:
        size = str(len(self.server.objects[bucket, name]))
        return {"bucket": bucket, "name": name, "size": size, "generation": "1", "metageneration": "1"}

    def _answer(self, body: object) -> None:
        self._send(200, json.dumps(body).encode(), "application/json")

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def _place(path: str) -> tuple[str, str | None]:
    """Bucket and object of `.../b/<bucket>/o/<object>`."""
    bucket, _, rest = path.partition("/b/")[2].partition("/o")
    return unquote(bucket), unquote(rest.lstrip("/")) or None


@contextmanager
def google_storage() -> Iterator[Bucket]:
    """The double, running."""
    server = Bucket(("127.0.0.1", 0), Handler)
    server.objects = {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
