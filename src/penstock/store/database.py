"""The seam between what the store wants and the two databases that do it.

An *intent* (create a run, claim due runs, propose a state) is a generator that yields `Query`s and is
sent the rows. It is written once; SQLite runs it in its writer, PostgreSQL awaits each step. Nothing
else in an intent may wait or look around: time, ids and randomness are its arguments.

    @intent
    def read_variable(name: str) -> Steps[Variable | None]:
        rows = yield SQL.read_by_name(name=name)
        return decode(rows[0][0]) if rows else None

    variable = await store.read(read_variable("region"))

Each intent is one short transaction: `write` runs it whole or not at all, and the awaited result
means it is committed. `@intent` lets it be run again from its start when the database asks for it
(serialisation failure, deadlock, lost connection before commit), so it must have no side effect but
its queries. An intent uses another with `yield from`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
P = ParamSpec("P")

Parameters = Mapping[str, Any] | tuple[Any, ...]
Row = Sequence[Any]
Rows = Sequence[Row]


@dataclass(frozen=True, slots=True)
class Query:
    """One statement with `:name` parameters.

    With `many`, the statement is run once for each of them and gives no rows: mappings, or tuples of the
    values in the statement's order. `alone` says that the intent is this one statement, which spares
    PostgreSQL the round trips of a transaction around it. `steady` says of the first one of a scan that all of
    them are to see the same moment.
    """

    statement: Statement
    parameters: Mapping[str, Any] = field(default_factory=dict)
    many: Sequence[Parameters] | None = None
    alone: bool = False
    steady: bool = False


@dataclass(frozen=True, slots=True)
class Numbered:
    """SQL text with numbered parameters, and their names in that order."""

    text: str
    order: tuple[str, ...]

    def values(self, parameters: Mapping[str, Any]) -> list[Any]:
        """The values to bind."""
        return [parameters[name] for name in self.order]

    def rows(self, many: Sequence[Parameters]) -> list[Sequence[Any]]:
        """The values of each run of the statement."""
        return [one if isinstance(one, tuple) else self.values(one) for one in many]


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text prepared for both databases."""

    name: str
    sqlite: Numbered
    postgres: Numbered

    def __call__(self, **parameters: Any) -> Query:
        return Query(self, parameters)

    def alone(self, **parameters: Any) -> Query:
        """The statement as the only one of its intent: its own transaction, in one round trip."""
        return Query(self, parameters, alone=True)

    def steady(self, **parameters: Any) -> Query:
        """The statement as the first of a scan whose statements see the same moment."""
        return Query(self, parameters, steady=True)

    def each(self, rows: Sequence[Parameters]) -> Query:
        """The statement once for each row of parameters; a tuple is in the order that the statement names them."""
        return Query(self, many=rows)


Steps = Generator[Query, Rows, T]


class Intent(Generic[T_co]):
    """An intent with its arguments, which can be started as often as needed."""

    __slots__ = ("start",)

    def __init__(self, start: Callable[[], Steps[T_co]]) -> None:
        self.start = start

    def __iter__(self) -> Steps[T_co]:
        """Lets another intent run this one as its part: `result = yield from part(...)`."""
        return self.start()


def intent(steps: Callable[P, Steps[T]]) -> Callable[P, Intent[T]]:
    """Makes a generator function an intent."""

    @wraps(steps)
    def with_arguments(*args: P.args, **kwargs: P.kwargs) -> Intent[T]:
        return Intent(lambda: steps(*args, **kwargs))

    return with_arguments


class Database(Protocol):
    """A database that runs intents.

    A plain generator (`Steps`) is taken too, but can't be run again: where an `Intent` would be retried
    in silence it ends with `Unavailable`. A violated constraint is a `Conflict`.
    """

    dialect: str
    """`sqlite` or `postgres`."""

    listens: bool
    """Whether `listen` and `notify` reach other processes."""

    async def open(self) -> None:
        """Connects; raises `Unavailable` with what was tried when it can't."""

    async def close(self) -> None:
        """Finishes what was accepted and disconnects."""

    async def write(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent in one transaction; returns after its commit."""

    async def read(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent that only reads a little by key: no transaction, no waiting behind others."""

    async def scan(self, intent: Intent[T] | Steps[T]) -> T:
        """Runs an intent that may read much (filters, counts), so that it delays nobody else.

        Each query sees what is committed by then, or all the same when the first of them is `steady`.
        """

    async def listen(self, channel: str, callback: Callable[[str], None]) -> None:
        """Calls back with the payload of each `notify` on the channel, from any process.

        Notifications are hints: some are lost while the connection is down, none is repeated.
        """

    async def notify(self, channel: str, payload: str) -> None:
        """Sends a short text (below 8,000 bytes) to all listeners of the channel."""
