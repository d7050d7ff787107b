"""Whole folders to and from storage: many files at once, and none outside of the folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from penstock.errors import StorageFailed
from penstock.storage.ignore import Ignore
from penstock.storage.protocol import Storage

PARALLEL = 16
"""Files on their way at once; each of them is in memory."""


def pull(storage: Storage, folder: Path) -> int:
    """Copies everything in a storage to files below a folder; gives how many.

    `StorageFailed` before anything is written when one of its keys leads out of the folder.
    """
    keys = list(storage.list())
    targets = [_inside(folder, key) for key in keys]

    def fetch(number: int) -> None:
        content = storage.read(keys[number])
        targets[number].parent.mkdir(parents=True, exist_ok=True)
        targets[number].write_bytes(content)

    _all_at_once(fetch, len(keys))
    return len(keys)


def push(folder: Path, storage: Storage, ignore: Ignore) -> int:
    """Copies the files below a folder to storage, but for what is ignored; gives how many."""
    keys = sorted(_files(folder, ignore))

    def send(number: int) -> None:
        storage.write(keys[number], (folder / keys[number]).read_bytes())

    _all_at_once(send, len(keys))
    return len(keys)


def _all_at_once(act: Callable[[int], None], count: int) -> None:
    """Runs it for each number, some at a time; the first error ends what has not begun."""
    pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="storage")
    try:
        for future in [pool.submit(act, number) for number in range(count)]:
            future.result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _inside(folder: Path, key: str) -> Path:
    target = folder / key
    if not target.resolve().is_relative_to(folder.resolve()):
        raise StorageFailed(f"The storage has a key {key!r}, which leads out of {folder}.")
    return target


def _files(folder: Path, ignore: Ignore) -> Iterator[str]:
    for top, names, files in os.walk(folder):
        within = Path(top).relative_to(folder)
        names[:] = [name for name in names if not ignore.leaves_out(f"{(within / name).as_posix()}/")]
        paths = ((within / name).as_posix() for name in files)
        yield from (path for path in paths if not ignore.leaves_out(path) and (folder / path).is_file())
