"""PostgreSQL: a pool of connections, each intent one transaction, and notifications between processes.

Connections that were lost (a restart, a failover) are replaced by the pool; an intent that had not
committed yet is run again, for `RETRY_FOR` seconds at most. When the connection breaks in the commit
itself nobody can know its outcome, so that is an error for the caller to handle: nothing is
acknowledged that is not committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, TypeVar

import asyncpg

from penstock.errors import Conflict, Unavailable
from penstock.store.database import Intent, Query, Rows, Steps

T = TypeVar("T")

RETRY_FOR = 30.0
"""Seconds to keep trying to get an intent through while the database is away."""
FIRST_PAUSE = 0.02
LONGEST_PAUSE = 1.0
CONNECT_TIMEOUT = 10.0
LISTEN_RETRY = 1.0

_log = logging.getLogger(__name__)

_CLASHES = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError, asyncpg.LockNotAvailableError)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    ConnectionError,
    OSError,
    TimeoutError,
)
_BROKEN = (*_LOST, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class PostgresDatabase:
    """A PostgreSQL database (13 or newer), written by any number of processes."""

    dialect = "postgres"
    listens = True

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        connect_within: float | None = None,
        answer_within: float | None = None,
    ) -> None:
        self.url = url
        self.pool_size = pool_size
        self._connect_within = connect_within or CONNECT_TIMEOUT
        self._session = {"application_name": "penstock", "jit": "off"}
        if answer_within is not None:
            self._session["statement_timeout"] = str(round(answer_within * 1000))
        self._kept: dict[bool, list[Any]] = {False: [], True: []}
        self._scanning: set[int] = set()
        self._wanting = 0
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._listeners: dict[str, list[Callable[[str], None]]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._listen_changed = asyncio.Event()

    async def open(self) -> None:
        """Connects the pool; `Unavailable` says to where and why it failed, without the password."""
        try:
            self._pool = await asyncpg.create_pool(
                self.url,
                min_size=1,
                max_size=self.pool_size,
                statement_cache_size=1024,
                max_cached_statement_lifetime=0,
                max_inactive_connection_lifetime=300,
                timeout=self._connect_within,
                reset=_as_it_is,
                server_settings=self._session,
            )
        except (*_LOST, asyncpg.PostgresError) as error:
            raise Unavailable(f"Can't connect to the PostgreSQL database {_shown(self.url)}: {error}") from error

    async def close(self) -> None:
        """Waits for running intents, then disconnects."""
        if self._listening:
            self._listening.cancel()
            await asyncio.gather(self._listening, return_exceptions=True)
        await self._idle.wait()
        for kept in self._kept.values():
            while kept:
                await self._give_back(kept.pop())
        await self._pool.close()

    async def write(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent in a transaction, again when it clashed or lost its connection before the commit."""
        return await self._run(intent, self._in_transaction)

    async def read(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent's queries one by one, each seeing what is committed."""
        return await self._run(intent, self._one_by_one)

    async def scan(self, intent: Intent[T] | Steps[T]) -> T:
        """The same as `read`, but planned for the values that are asked, and in one snapshot where that is asked."""
        return await self._run(intent, self._scan)

    async def listen(self, channel: str, callback: Callable[[str], None]) -> None:
        """Calls back with each notification; connects again by itself when the connection is lost."""
        self._listeners.setdefault(channel, []).append(callback)
        self._listen_changed.set()
        if self._listening is None:
            self._listening = asyncio.create_task(self._keep_listening())

    async def notify(self, channel: str, payload: str) -> None:
        """Sends to the listeners of all processes; a failure is logged only, for it is a hint."""
        try:
            await self._pool.execute("select pg_notify($1, $2)", channel, payload)
        except (*_LOST, asyncpg.PostgresError):
            _log.warning("A notification could not be sent", exc_info=True)

    async def _run(self, intent: Intent[T] | Steps[T], attempt: Callable[[Steps[T]], Any]) -> T:
        self._running += 1
        self._idle.clear()
        try:
            return await self._persist(intent, attempt)
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    async def _persist(self, intent: Intent[T] | Steps[T], attempt: Callable[[Steps[T]], Any]) -> T:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + RETRY_FOR
        pause = FIRST_PAUSE
        while True:
            try:
                result: T = await attempt(intent.start() if isinstance(intent, Intent) else intent)
                return result
            except (*_CLASHES, *_LOST) as error:
                if loop.time() > deadline or not isinstance(intent, Intent):
                    raise Unavailable(f"The database did not answer: {error}") from error
            except asyncpg.QueryCanceledError as error:
                raise Unavailable("The database took longer for the answer than server.database.timeout.") from error
            except asyncpg.IntegrityConstraintViolationError as error:
                raise Conflict(f"Data integrity conflict: {error}") from error
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _in_transaction(self, steps: Steps[T]) -> T:
        try:
            query = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        async with self._connection() as connection:
            if query.alone:
                with _outcome_unknown():
                    return await _drive(connection, steps, query)
            transaction = connection.transaction()
            await transaction.start()
            try:
                result = await _drive(connection, steps, query)
            except BaseException:
                await _roll_back(transaction)
                raise
            with _outcome_unknown():
                await transaction.commit()
            return result

    async def _scan(self, steps: Steps[T]) -> T:
        return await self._one_by_one(steps, scans=True)

    async def _one_by_one(self, steps: Steps[T], *, scans: bool = False) -> T:
        try:
            query = next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        async with self._connection(scans=scans) as connection:
            if not query.steady:
                return await _drive(connection, steps, query)
            transaction = connection.transaction(isolation="repeatable_read", readonly=True)
            await transaction.start()
            try:
                return await _drive(connection, steps, query)
            finally:
                await _roll_back(transaction)

    @asynccontextmanager
    async def _connection(self, *, scans: bool = False) -> AsyncIterator[Any]:
        """A connection. That it can't be given back says nothing about what was done with it.

        The pool spends much on each giving out and taking back, so one that did its work well is kept here for
        the next of its kind, unless somebody waits for it at the pool.
        """
        connection = await self._kept_one(self._kept[scans]) or await self._take(scans=scans)
        try:
            await self._plan_for(connection, scans=scans)
            yield connection
        except BaseException:
            await self._give_back(connection)
            raise
        if self._wanting or _is_gone(connection):
            await self._give_back(connection)
        else:
            self._kept[scans].append(connection)

    async def _plan_for(self, connection: Any, *, scans: bool) -> None:
        """Has each query of a scan planned for its very values.

        After a few times PostgreSQL makes one plan for any values, which suits what is found by key. But a filter finds
        a few rows or most of them, and the plan for one may take the other a thousand times as long.
        """
        process = connection.get_server_pid()
        if (process in self._scanning) != scans:
            await connection.execute(f"set plan_cache_mode = {'force_custom_plan' if scans else 'auto'}")
            self._scanning ^= {process}

    async def _kept_one(self, kept: list[Any]) -> Any:
        """A connection that was kept, if there is one and it was not lost since."""
        connection = kept.pop() if kept else None
        if connection is None or not _is_gone(connection):
            return connection
        await self._give_back(connection)
        return None

    async def _take(self, *, scans: bool) -> Any:
        is_exhausted = self._pool.get_size() == self.pool_size and not self._pool.get_idle_size()
        if is_exhausted and (other := await self._kept_one(self._kept[not scans])):
            return other
        self._wanting += 1
        try:
            return await self._pool.acquire(timeout=self._connect_within)
        finally:
            self._wanting -= 1

    async def _give_back(self, connection: Any) -> None:
        with suppress(*_BROKEN):
            await self._pool.release(connection)

    async def _keep_listening(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self.url, timeout=self._connect_within)
            except (*_LOST, asyncpg.PostgresError):
                _log.warning("Can't listen to the database; trying again")
                await asyncio.sleep(LISTEN_RETRY)
                continue
            try:
                await self._listen_until_lost(connection)
            finally:
                connection.terminate()

    async def _listen_until_lost(self, connection: Any) -> None:
        connection.add_termination_listener(lambda _: self._listen_changed.set())
        subscribed: set[str] = set()
        while not connection.is_closed():
            self._listen_changed.clear()
            try:
                for channel in self._listeners.keys() - subscribed:
                    await connection.add_listener(channel, self._heard)
                    subscribed.add(channel)
            except (*_LOST, asyncpg.PostgresError):
                return
            await self._listen_changed.wait()

    def _heard(self, _connection: Any, _pid: int, channel: str, payload: str) -> None:
        for callback in self._listeners.get(channel, ()):
            callback(payload)


async def _as_it_is(_connection: Any) -> None:
    """Intents leave nothing behind in a session, so giving a connection back needs no round trip to reset it."""


def _is_gone(connection: Any) -> bool:
    """Whether a connection was lost; the pool has taken back one that was lost while it lay idle."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


async def _drive(connection: Any, steps: Steps[T], query: Query) -> T:
    try:
        while True:
            query = steps.send(await _execute(connection, query))
    except StopIteration as end:
        result: T = end.value
        return result
    except asyncpg.InterfaceError as error:
        if connection.is_closed():
            raise ConnectionResetError(str(error)) from error
        raise
    except asyncpg.InternalClientError as error:  # how asyncpg meets a connection that was cut under a query
        connection.terminate()
        raise ConnectionResetError(str(error)) from error


async def _execute(connection: Any, query: Query) -> Rows:
    sql = query.statement.postgres
    if query.many is not None:
        await connection.executemany(sql.text, sql.rows(query.many))
        return []
    rows: Rows = await connection.fetch(sql.text, *sql.values(query.parameters))
    return rows


async def _roll_back(transaction: Any) -> None:
    """Ends a transaction that failed; where that is not possible the connection is broken, which the pool sees."""
    with suppress(*_BROKEN):
        await transaction.rollback()


@contextmanager
def _outcome_unknown() -> Iterator[None]:
    """Where a lost connection leaves open whether the write is committed, so that it must not be repeated."""
    try:
        yield
    except _LOST as error:
        raise Unavailable(f"The connection to the database was lost in a commit: {error}") from error


def _shown(url: str) -> str:
    """The URL without its password."""
    head, at, tail = url.rpartition("@")
    if not at:
        return url
    scheme, _, login = head.partition("://")
    return f"{scheme}://{login.partition(':')[0]}@{tail}"
