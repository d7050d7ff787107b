"""Files on remote storage through fsspec: S3, Google Cloud Storage, Azure, SMB and whatever else it reaches.

This is the only file that knows fsspec. The library of a cloud is imported when an address of it is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import urlsplit

from penstock.errors import BadRequest, NotFound, StorageFailed
from penstock.storage.secrets import without_secrets, without_user

EXTRAS = {
    **dict.fromkeys(("s3", "s3a"), "aws"),
    **dict.fromkeys(("gs", "gcs"), "gcp"),
    **dict.fromkeys(("az", "abfs", "abfss"), "azure"),
    "smb": "smb",
}
"""Which extra of this package brings what an address needs."""

_OF_FILES = frozenset({"file", "local", "smb", "sftp", "ssh"})
"""Where folders must be made, and where a file that is being written can be seen half-written."""

_UNFINISHED = ".penstock-part"

Found = TypeVar("Found")


class RemoteStorage:
    """The storage below an address, such as `s3://bucket/folder`; `options` are those of its fsspec file system.

    Raises `StorageFailed`, with no secret in the message, for all that goes wrong but a missing file.
    """

    def __init__(self, url: str, options: Mapping[str, Any] | None = None) -> None:
        self.url = without_user(url)
        parts = urlsplit(url)
        self._options = dict(options or {})
        self._hidden = {"options": self._options, "password": parts.password}
        self._scheme = parts.scheme or "file"
        self._system, root = self._opened(url)
        self._root = root.rstrip("/")

    def read(self, key: str) -> bytes:
        return self._told("read", key, lambda path: bytes(self._system.cat_file(path)))

    def write(self, key: str, content: bytes) -> None:
        self._told("write", key, lambda path: self._write(path, content))

    def delete(self, key: str) -> None:
        def remove(path: str) -> None:
            if self._system.exists(path):
                self._system.rm_file(path)

        self._told("delete", key, remove)

    def list(self, prefix: str = "") -> Iterator[str]:
        self._system.invalidate_cache()
        found = self._told("list", prefix, lambda path: self._system.find(path))
        start = f"{self._root}/"
        # Some stores keep an object for a folder; its name ends with a slash.
        names = (path.removeprefix(start) for path in found if path.startswith(start) and not path.endswith("/"))
        yield from sorted(name for name in names if not name.endswith(_UNFINISHED))

    def _opened(self, url: str) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs

            system, root = url_to_fs(url, **self._options)
        except ImportError as error:
            extra = EXTRAS.get(self._scheme, "storage")
            hint = f"pip install 'penstock[{extra}]'"
            raise StorageFailed(f"{self.url} can't be reached without a library: {hint} ({error})") from None
        except Exception as error:  # whatever a file system makes of its options
            raise self._failed("open", "", error) from None
        return system, str(root)

    def _write(self, path: str, content: bytes) -> None:
        if self._scheme not in _OF_FILES:
            self._system.pipe_file(path, content)
            return
        self._system.makedirs(str(PurePosixPath(path).parent), exist_ok=True)
        part = path + _UNFINISHED
        self._system.pipe_file(part, content)
        self._system.mv(part, path)

    def _told(self, verb: str, key: str, act: Callable[[str], Found]) -> Found:
        path = self._path(key)
        try:
            return act(path)
        except FileNotFoundError:
            raise NotFound(f"There is no file {key!r} in {self.url}.") from None
        except Exception as error:  # each file system has errors of its own
            raise self._failed(verb, key, error) from None

    def _path(self, key: str) -> str:
        if ".." in PurePosixPath(key).parts or key.startswith("/"):
            raise BadRequest(f"The key {key!r} leads out of its storage.")
        return f"{self._root}/{key}" if key else self._root

    def _failed(self, verb: str, key: str, error: Exception) -> StorageFailed:
        where = f"{self.url.rstrip('/')}/{key}" if key else self.url
        said = without_secrets(f"{type(error).__name__}: {error}", self._hidden)
        return StorageFailed(f"Storage could not {verb} {where}: {said}")
