"""What becomes of a task run's result: whether it is kept, under which key, and whether one is there already.

Nothing here fails the run: a result that can't be kept or read again is said so in the run's log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from penstock.ids import new_id
from penstock.sdk.loggers import task_logger
from penstock.sdk.names_of_runs import rendered
from penstock.sdk.states import State

if TYPE_CHECKING:
    from penstock.sdk.context import TaskContext
    from penstock.sdk.results import Reference, ResultStore
    from penstock.sdk.session import Session


class TaskResults:
    """The results of one task run."""

    __slots__ = ("_context", "_options", "_session")

    def __init__(self, session: Session, context: TaskContext) -> None:
        self._session = session
        self._context = context
        self._options: Mapping[str, Any] = context.task.options

    def key(self) -> str | None:
        """The key that an equal run would have too; None when nothing is to be cached."""
        if not self._are_kept() or self._session.settings.tasks.disable_caching:
            return None
        from penstock.sdk.caching import DEFAULT, NO_CACHE, CachePolicy

        key_fn = self._options.get("cache_key_fn")
        policy = CachePolicy.from_cache_key_fn(key_fn) if key_fn else self._options.get("cache_policy")
        if policy is None:
            policy = NO_CACHE if self._session.settings.tasks.default_no_cache else DEFAULT
        try:
            return policy.key(self._context, self._context.parameters)
        except Exception as error:
            self._say("No cache key could be made, so the result is not cached", error)
            return None

    def cached(self, key: str) -> State | None:
        """The state of an earlier run whose result stands for this one's."""
        refresh = self._options.get("refresh_cache")
        if self._session.settings.tasks.refresh_cache if refresh is None else refresh:
            return None
        try:
            found = self._store().read(self._place(key))
        except Exception as error:
            self._say("The cached result can't be read, so the task runs again", error)
            return None
        if found is None:
            return None
        details = {"task_run_id": self._context.id}
        return State("COMPLETED", "Cached", data=found[1], details=details, reference=found[0])

    def keep(self, value: Any, key: str | None) -> tuple[Reference | None, Callable[[], None] | None]:
        """Where a value is to be kept, and what does it."""
        if not self._are_kept():
            return None, None
        try:
            place = self._place(key or new_id().hex)
            return self._store().prepare(place, value, self._options.get("cache_expiration"))
        except Exception as error:
            self._say("The result could not be kept", error)
            return None, None

    def _are_kept(self) -> bool:
        """As said, else when a cache or a storage was asked for, else by setting."""
        chosen = self._options.get("persist_result")
        if chosen is not None:
            return bool(chosen)
        if self._context.task.asks_for_results:
            return True
        settings, flow = self._session.settings, self._context.flow
        default = settings.tasks.default_persist_result
        if default is None and flow is not None:
            default = flow.persist
        return settings.results.persist_by_default if default is None else default

    def _place(self, key: str) -> str:
        template = self._options.get("result_storage_key")
        return rendered(template, self._context.parameters) if template else key

    def _store(self) -> ResultStore:
        from penstock.sdk.results import ResultStore

        return ResultStore(self._options.get("result_storage"), self._options.get("result_serializer"))

    def _say(self, what: str, error: Exception) -> None:
        task_logger(self._context).error("%s: %s: %s", what, type(error).__name__, error)
