"""Transactions: tasks whose results and effects count together, or are taken back together.

    @task
    def write_file(path): ...

    @write_file.on_rollback
    def delete_file(transaction): ...

    with transaction() as one:
        write_file("a")
        check("a")          # when this raises, delete_file is called

A task run inside of a block is part of it: its result is kept, and its commit hooks are called, at the end
of the outermost block; when the block raises, its rollback hooks are called instead, the last run first.
"""

from __future__ import annotations

import asyncio
import enum
import inspect
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, Token
from typing import TYPE_CHECKING, Any

from penstock.errors import BadRequest
from penstock.sdk.context import flow_context, task_context
from penstock.sdk.loggers import get_run_logger

if TYPE_CHECKING:
    from penstock.sdk.context import TaskContext
    from penstock.sdk.results import ResultStore

TransactionHook = Callable[["Transaction"], Any]

_MISSING: Any = object()


class TransactionState(enum.StrEnum):
    """How far a transaction has come."""

    ACTIVE = "ACTIVE"
    STAGED = "STAGED"
    COMMITTED = "COMMITTED"
    ROLLED_BACK = "ROLLED_BACK"


class CommitMode(enum.StrEnum):
    """When a transaction commits: at its own end, at the end of the outermost one, or only when told to."""

    EAGER = "EAGER"
    LAZY = "LAZY"
    OFF = "OFF"


class Transaction:
    """One transaction; as a context it ends with its block. With a `key` what is staged is kept under it."""

    def __init__(
        self,
        key: str | None = None,
        store: ResultStore | None = None,
        commit_mode: CommitMode | None = None,
        *,
        overwrite: bool = False,
        write_on_commit: bool = True,
        parent: Transaction | None = None,
    ) -> None:
        self.key = key
        self.parent = parent
        self.commit_mode = commit_mode or CommitMode.LAZY
        self.state = TransactionState.ACTIVE
        self.children: list[Transaction] = []
        self._store = store
        self._overwrite = overwrite
        self._write_on_commit = write_on_commit
        self._values: dict[str, Any] = {}
        self._hooks: dict[str, list[TransactionHook]] = {"commit": [], "rollback": []}
        self._write: Callable[[], Any] | None = None
        self._staged: Any = None
        self._undone: Callable[[], None] | None = None
        self._token: Token[Transaction | None] | None = None
        self._guard = threading.Lock()

    def set(self, name: str, value: Any) -> None:
        """Keeps a value for the hooks and for the transactions inside of this one."""
        self._values[name] = value

    def get(self, name: str, default: Any = _MISSING) -> Any:
        """The value of a name here or further out. Raises ValueError for an unknown one without a default."""
        at: Transaction | None = self
        while at is not None:
            if name in at._values:
                return at._values[name]
            at = at.parent
        if default is _MISSING:
            raise ValueError(f"The transaction holds no value {name!r}.")
        return default

    def is_active(self) -> bool:
        return self.state is TransactionState.ACTIVE

    def is_staged(self) -> bool:
        return self.state is TransactionState.STAGED

    def is_committed(self) -> bool:
        return self.state is TransactionState.COMMITTED

    def is_rolled_back(self) -> bool:
        return self.state is TransactionState.ROLLED_BACK

    def read(self) -> Any:
        """What is kept under the key, None when nothing is."""
        found = self._results().read(self.key) if self.key is not None else None
        return None if found is None else found[1]

    def stage(
        self,
        value: Any,
        on_rollback_hooks: Sequence[TransactionHook] = (),
        on_commit_hooks: Sequence[TransactionHook] = (),
        *,
        write: Callable[[], Any] | None = None,
        undone: Callable[[], None] | None = None,
    ) -> None:
        """Says what a commit keeps, and what else belongs to a commit and a rollback.

        `write` keeps it in a way of its own; `undone` is told of a rollback before its hooks are called.
        """
        if self.is_committed():
            return
        self._staged = value
        self._write, self._undone = write or self._write_value, undone
        self._hooks["rollback"] += on_rollback_hooks
        self._hooks["commit"] += on_commit_hooks
        self.state = TransactionState.STAGED

    def commit(self) -> bool:
        """Keeps what was staged, here and inside. What fails on the way rolls all of it back: False."""
        if self.is_committed() or self.is_rolled_back():
            return self.is_committed()
        try:
            for child in self.children:
                if not child.commit():
                    raise BadRequest("A transaction inside of this one could not be committed.")
            for hook in self._hooks["commit"]:
                self._call(hook, "commit")
            if self._write is not None:
                self._write()
        except Exception as error:
            _log().error("The transaction is rolled back: %s: %s", type(error).__name__, error)
            self.rollback()
            return False
        self.state = TransactionState.COMMITTED
        return True

    def rollback(self) -> bool:
        """Calls the rollback hooks, of what came last first. False when it is committed or rolled back already."""
        if self.is_committed() or self.is_rolled_back():
            return False
        self.state = TransactionState.ROLLED_BACK
        if self._undone is not None:
            self._undone()
        for hook in reversed(self._hooks["rollback"]):
            try:
                self._call(hook, "rollback")
            except Exception as error:
                name = getattr(hook, "__name__", hook)
                _log().error("The rollback hook %r failed with %s: %s", name, type(error).__name__, error)
        for child in reversed(self.children):
            child.rollback()
        return True

    def end(self) -> None:
        """Ends it well: commits, or leaves that to the one around it."""
        if self.commit_mode is CommitMode.EAGER or (self.parent is None and self.commit_mode is CommitMode.LAZY):
            self.commit()
        elif self.commit_mode is CommitMode.OFF:
            self.rollback()
        elif self.parent is not None:
            self.parent._add(self)

    def __enter__(self) -> Transaction:
        self.parent = get_transaction()
        if self.parent is not None and self.commit_mode is CommitMode.LAZY:
            self.commit_mode = self.parent.commit_mode
        self._token = _current.set(self)
        if self.key is not None and not self._overwrite and self._results().read(self.key) is not None:
            self.state = TransactionState.COMMITTED
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if self._token is not None:
            _current.reset(self._token)
        if kind is not None:
            self.rollback()
        else:
            self.end()

    async def __aenter__(self) -> Transaction:
        return self.__enter__()

    async def __aexit__(self, kind: object, *_: object) -> None:
        self.__exit__(kind)

    def _add(self, child: Transaction) -> None:
        with self._guard:  # submitted tasks end in threads of their own
            self.children.append(child)

    def _results(self) -> ResultStore:
        from penstock.sdk.results import ResultStore

        return self._store or ResultStore()

    def _write_value(self) -> None:
        if self.key is not None and self._write_on_commit:
            self._results().write(self.key, self._staged)

    def _call(self, hook: TransactionHook, kind: str) -> None:
        _log().info("The %s hook %r is called.", kind, getattr(hook, "__name__", hook))
        value = hook(self)
        if inspect.iscoroutine(value):
            with ThreadPoolExecutor(1) as thread:  # this thread may have a loop that runs already
                thread.submit(asyncio.run, value).result()


_current: ContextVar[Transaction | None] = ContextVar("penstock_transaction", default=None)


def transaction(
    key: str | None = None,
    store: ResultStore | None = None,
    commit_mode: CommitMode | None = None,
    *,
    overwrite: bool = False,
    write_on_commit: bool = True,
) -> Transaction:
    """A transaction for a block, `with` or `async with`."""
    return Transaction(key, store, commit_mode, overwrite=overwrite, write_on_commit=write_on_commit)


def get_transaction() -> Transaction | None:
    """The transaction that this code is in: a block's, or that of the task run."""
    task, block = task_context.get(), _current.get()
    if task is None or (block is not None and _is_within(block, task)):
        return block
    if task.transaction is None:
        task.transaction = Transaction(parent=block, commit_mode=block.commit_mode if block else CommitMode.EAGER)
    return task.transaction


def settle(task: TaskContext, value: Any, write: Callable[[], Any] | None, undone: Callable[[], None]) -> None:
    """Makes a task run that went well a part of the transaction around it; on its own it commits at once."""
    rollback, commit = task.task.hooks("on_rollback"), task.task.hooks("on_commit")
    if task.transaction is None and _current.get() is None and not rollback and not commit:
        if write is not None:
            write()
        return
    own = get_transaction()
    if own is not None:
        own.stage(value, rollback, commit, write=write or (lambda: None), undone=undone)
        own.end()


def _is_within(block: Transaction, task: TaskContext) -> bool:
    """Whether the block was opened inside of the task run."""
    at: Transaction | None = block
    while at is not None:
        if at is task.transaction:
            return True
        at = at.parent
    return False


def _log() -> Any:
    here = task_context.get() or flow_context.get()
    return get_run_logger() if here else logging.getLogger("penstock.sdk.transactions")
