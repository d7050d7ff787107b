"""SQLite: one writer that commits waiting intents as a group, readers beside it.

The writer runs on the event loop itself: handing each statement to a thread costs more than running
it. Writes that wait in the same turn of the loop become one transaction with a savepoint each, so that
a failed one leaves its neighbours alone. Only what waits for the disk goes to a thread: the commit, when
`durable` asks for one that survives power loss, and the write-ahead log's checkpoints. An acknowledged
write always survives the death of the process.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from penstock.errors import Conflict, PenstockError, Unavailable
from penstock.store.database import Intent, Query, Rows, Steps

T = TypeVar("T")

GROUP = 256
"""Most intents in one transaction, so that the loop turns between groups."""
SCANNERS = 2
BUSY_RETRY_FOR = 30.0
"""Seconds to keep trying when another process holds the write lock."""
BUSY_PAUSE = 0.005
CHECKPOINT_AFTER = 1.0
"""Seconds after a write until its pages are moved from the log to the database."""
LOG_PAGES_LIMIT = 16_384
"""Log size (64 MiB) from which a checkpoint may hold the writer up to start the log afresh."""

_PRAGMAS = """
pragma journal_mode = wal;
pragma synchronous = {synchronous};
pragma wal_autocheckpoint = 0;
pragma busy_timeout = 0;
pragma foreign_keys = on;
pragma cache_size = -32000;
pragma mmap_size = 268435456;
pragma temp_store = memory;
pragma journal_size_limit = 67108864;
"""

_Waiting = tuple[Any, "asyncio.Future[Any]"]


class SqliteDatabase:
    """A database in one file, or in memory with the path `:memory:`. One process writes it at a time."""

    dialect = "sqlite"
    listens = False

    def __init__(self, path: str | Path, *, durable: bool = False) -> None:
        self.path = str(path)
        self.durable = durable and not self._in_memory
        self._waiting: deque[_Waiting] = deque()
        self._flushing = False
        self._busy_since: float | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._local = threading.local()
        self._scan_connections: list[sqlite3.Connection] = []
        self._checkpoint_due: asyncio.TimerHandle | None = None

    @property
    def _in_memory(self) -> bool:
        return self.path == ":memory:"

    async def open(self) -> None:
        """Opens or creates the file; `Unavailable` names it when that fails."""
        self._loop = asyncio.get_running_loop()
        try:
            if not self._in_memory:
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._reader = self._writer if self._in_memory else self._connect()
        except (OSError, sqlite3.Error) as error:
            raise Unavailable(f"Can't open the database {self.path}: {error}") from error
        self._threads = ThreadPoolExecutor(SCANNERS, thread_name_prefix="penstock-scan")
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="penstock-disk")

    async def close(self) -> None:
        """Commits what waits, empties the log into the file and closes it."""
        await self._idle.wait()
        if self._checkpoint_due:
            self._checkpoint_due.cancel()
        self._threads.shutdown()
        self._disk.shutdown()
        if not self._in_memory:
            self._checkpoint("truncate")
        for connection in {self._writer, self._reader, *self._scan_connections}:
            connection.close()

    async def write(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent in the next group; `Unavailable` when another process keeps the lock."""
        future: asyncio.Future[T] = self._loop.create_future()
        self._waiting.append((intent, future))
        self._idle.clear()
        if not self._flushing:
            self._flushing = True
            # In the turn after the next, so that requests which are arriving now join the group.
            self._loop.call_soon(self._loop.call_soon, self._flush)
        return await future

    async def read(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent at once on the reading connection."""
        try:
            return _run(self._reader, _start(intent))
        except sqlite3.Error as error:
            raise _translated(error) from error

    async def scan(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent in a thread with a connection and a snapshot of its own."""
        if self._in_memory:
            return await self.read(intent)
        return await self._loop.run_in_executor(self._threads, self._scan, intent)

    async def listen(self, channel: str, callback: Callable[[str], None]) -> None:
        """Calls back for each `notify` of this process: no other one writes this database."""
        self._listeners.setdefault(channel, []).append(callback)

    async def notify(self, channel: str, payload: str) -> None:
        """Calls the channel's listeners."""
        for callback in self._listeners.get(channel, ()):
            callback(payload)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, isolation_level=None, check_same_thread=False, cached_statements=1024, timeout=5
        )
        connection.executescript(_PRAGMAS.format(synchronous="full" if self.durable else "normal"))
        return connection

    def _flush(self) -> None:
        """Runs one group of waiting intents; runs itself again while there are more."""
        if not self._begin():
            return
        done: list[tuple[asyncio.Future[Any], Any]] = []
        alone = len(self._waiting) == 1
        while self._waiting and len(done) < GROUP and self._writer.in_transaction:
            intent, future = self._waiting.popleft()
            if not future.cancelled():
                done.append((future, self._attempt(intent, alone)))
        if self.durable:
            self._loop.run_in_executor(self._disk, self._commit).add_done_callback(
                lambda commit: self._committed(done, commit.result())
            )
        else:
            self._committed(done, self._commit())

    def _begin(self) -> bool:
        try:
            self._writer.execute("begin immediate")
        except sqlite3.Error as error:
            self._wait_or_refuse(error)
            return False
        self._busy_since = None
        return True

    def _wait_or_refuse(self, error: sqlite3.Error) -> None:
        """Another process writes (a migration, a backup): tries again soon, or gives up after a while."""
        now = self._loop.time()
        self._busy_since = self._busy_since or now
        if _is_busy(error) and now - self._busy_since < BUSY_RETRY_FOR:
            self._loop.call_later(BUSY_PAUSE, self._flush)
            return
        self._busy_since = None
        refused = [(future, _Failed(_translated(error))) for _, future in self._waiting]
        self._waiting.clear()
        self._committed(refused, None)

    def _attempt(self, intent: Intent[Any] | Steps[Any], alone: bool) -> Any:
        """The intent's result or `_Failed`, with all it did undone in the second case."""
        if not alone:
            self._writer.execute("savepoint intent")
        try:
            result = _run(self._writer, _start(intent))
        except BaseException as error:  # whatever the intent raised belongs to whoever awaits it
            result = _Failed(_translated(error))
            if self._writer.in_transaction:
                self._writer.execute("rollback" if alone else "rollback to intent")
        if not alone and self._writer.in_transaction:
            self._writer.execute("release intent")
        return result

    def _commit(self) -> BaseException | None:
        if not self._writer.in_transaction:  # after some errors (a full disk) SQLite undoes the whole transaction
            return Unavailable("The database undid the write; try again.")
        try:
            self._writer.execute("commit")
        except sqlite3.Error as error:
            if self._writer.in_transaction:
                self._writer.execute("rollback")
            return _translated(error)
        return None

    def _committed(self, done: list[tuple[asyncio.Future[Any], Any]], failure: BaseException | None) -> None:
        for future, result in done:
            if future.done():
                continue
            if isinstance(result, _Failed):
                future.set_exception(result.error)
            elif failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)
        self._expect_checkpoint()
        if self._waiting:
            self._loop.call_soon(self._flush)
        else:
            self._flushing = False
            self._idle.set()

    def _scan(self, intent: Intent[T] | Steps[T]) -> T:
        connection = getattr(self._local, "connection", None)
        try:
            if connection is None:
                connection = self._local.connection = self._connect()
                self._scan_connections.append(connection)
            connection.execute("begin")
            try:
                return _run(connection, _start(intent))
            finally:
                connection.execute("rollback")
        except sqlite3.Error as error:
            raise _translated(error) from error

    def _expect_checkpoint(self) -> None:
        if self._checkpoint_due is None and not self._in_memory:
            self._checkpoint_due = self._loop.call_later(CHECKPOINT_AFTER, self._start_checkpoint)

    def _start_checkpoint(self) -> None:
        self._checkpoint_due = None
        self._loop.run_in_executor(self._disk, self._checkpoint, "passive")

    def _checkpoint(self, mode: str) -> None:
        """Moves the log into the file; a log that only grows is once started afresh, which the writer waits for."""
        connection = self._connect()
        try:
            _, pages, _ = connection.execute(f"pragma wal_checkpoint({mode})").fetchone()
            if mode == "passive" and pages > LOG_PAGES_LIMIT:
                connection.execute("pragma busy_timeout = 200")
                connection.execute("pragma wal_checkpoint(restart)").fetchone()
        except sqlite3.OperationalError:
            pass  # busy: the next write brings the next attempt
        finally:
            connection.close()


class _Failed:
    __slots__ = ("error",)

    def __init__(self, error: BaseException) -> None:
        self.error = error


def _start(intent: Intent[T] | Steps[T]) -> Steps[T]:
    return intent.start() if isinstance(intent, Intent) else intent


def _run(connection: sqlite3.Connection, steps: Steps[T]) -> T:
    try:
        query = next(steps)
        while True:
            query = steps.send(_execute(connection, query))
    except StopIteration as end:
        result: T = end.value
        return result


def _execute(connection: sqlite3.Connection, query: Query) -> Rows:
    sql = query.statement.sqlite
    if query.many is not None:
        connection.executemany(sql.text, sql.rows(query.many))
        return []
    return connection.execute(sql.text, sql.values(query.parameters)).fetchall()


def _is_busy(error: sqlite3.Error) -> bool:
    return error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def _translated(error: BaseException) -> BaseException:
    if isinstance(error, PenstockError):
        return error
    if isinstance(error, sqlite3.IntegrityError):
        return _caused(Conflict(f"Data integrity conflict: {error}"), error)
    if isinstance(error, sqlite3.OperationalError) and getattr(error, "sqlite_errorname", "") != "SQLITE_ERROR":
        return _caused(Unavailable(f"The database did not answer: {error}"), error)
    return error


def _caused(error: PenstockError, by: BaseException) -> PenstockError:
    error.__cause__ = by
    return error
