"""Results that are kept, and runs that are spared by them."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any, ClassVar

import msgspec
import pytest

from penstock import flow, task
from penstock import settings as configuration
from penstock.blocks.core import Block
from penstock.blocks.system import Secret
from penstock.client.client import Client
from penstock.errors import NotFound, SettingInvalid
from penstock.sdk.caching import DEFAULT, INPUTS, NO_CACHE, TASK_SOURCE, CachePolicy, Unhashable, hash_objects
from penstock.sdk.results import ResultStore, UnknownSerializer, serializer_of, storage_block
from penstock.sdk.states import State
from penstock.settings import Settings


def names_of(policy: CachePolicy | None, first: Any, second: Any, **options: Any) -> list[str]:
    """The states of two calls in one flow."""

    @task(cache_policy=policy, **options)
    def kept(x: Any) -> Any:
        return [x]

    @flow
    def twice() -> list[str]:
        states: list[State] = [kept(first, return_state=True), kept(second, return_state=True)]
        assert states[1].result() == [second]
        return [state.name for state in states]

    return twice()


def test_the_same_inputs_share_a_result(api: Client) -> None:
    assert names_of(INPUTS, "a1", "a1") == ["Completed", "Cached"]
    assert names_of(INPUTS, "a2", "a3") == ["Completed", "Completed"]


def test_the_default_policy_is_within_one_run(api: Client) -> None:
    assert names_of(DEFAULT, "b1", "b1") == ["Completed", "Cached"]
    assert names_of(DEFAULT, "b1", "b1") == ["Completed", "Cached"]


def test_nothing_is_shared_without_a_policy(api: Client) -> None:
    assert names_of(NO_CACHE, "c", "c") == ["Completed", "Completed"]
    assert names_of(None, "c", "c") == ["Completed", "Completed"]


def test_a_key_function_decides(api: Client) -> None:
    assert names_of(None, 1, 1, cache_key_fn=lambda run, inputs: f"key-{inputs['x']}") == ["Completed", "Cached"]
    assert names_of(None, 1, 1, cache_key_fn=lambda run, inputs: None) == ["Completed", "Completed"]


def test_a_result_expires(api: Client) -> None:
    gone = timedelta(microseconds=1)
    assert names_of(INPUTS, "d", "d", cache_expiration=gone) == ["Completed", "Completed"]


def test_refreshing_runs_again(api: Client) -> None:
    assert names_of(INPUTS, "e", "e", refresh_cache=True) == ["Completed", "Completed"]


def test_inputs_can_be_left_out(api: Client) -> None:
    @task(cache_policy=INPUTS + TASK_SOURCE - "lock")
    def locked(x: str, lock: object) -> str:
        return x

    @flow
    def twice() -> list[str]:
        return [locked("f", threading.Lock(), return_state=True).name for _ in range(2)]

    assert twice() == ["Completed", "Cached"]


def test_what_has_no_key_is_said_to() -> None:
    with pytest.raises(Unhashable, match="cache key"):
        hash_objects(threading.Lock())


@pytest.mark.parametrize("serializer", ["pickle", "json", "compressed/pickle", "compressed/json"])
def test_a_kept_value_is_read_again(api: Client, serializer: str) -> None:
    reference = ResultStore(serializer=serializer).write(f"r/{serializer}", {"a": [1, None]})
    assert reference.load() == {"a": [1, None]}
    assert reference.as_json()["serializer"] == {"type": serializer}


def test_an_unknown_serializer_is_refused() -> None:
    with pytest.raises(UnknownSerializer, match="compressed/json"):
        serializer_of("yaml")


def test_results_are_kept_only_when_asked_for(api: Client) -> None:
    def reference_of(**options: Any) -> object:
        @task(**options)
        def one() -> int:
            return 1

        @flow
        def single() -> object:
            state: State = one(return_state=True)
            return state.reference

        return single()

    assert reference_of() is None
    assert reference_of(cache_policy=NO_CACHE) is None
    assert reference_of(cache_policy=INPUTS, persist_result=False) is None
    assert reference_of(cache_policy=INPUTS) is not None
    assert reference_of(result_storage_key="named-{parameters}") is not None


class Shelf(Block):
    """A block that results can be kept in."""

    kept: ClassVar[dict[str, bytes]] = {}

    def read(self, key: str) -> bytes:
        if key not in self.kept:
            raise NotFound(key)
        return self.kept[key]

    def write(self, key: str, content: bytes) -> None:
        self.kept[key] = content


def test_a_block_may_be_named_to_hold_results(api: Client, home: Settings) -> None:
    Shelf().save("results", overwrite=True)
    Secret(value="s").save("not-a-storage", overwrite=True)
    results = msgspec.structs.replace(home.results, default_storage_block="shelf/results")
    with configuration.using(msgspec.structs.replace(home, results=results)):
        ResultStore().write("k", 5)
        found = ResultStore().read("k")
    assert found is not None
    assert found[1] == 5
    assert list(Shelf.kept) == ["k"]
    with pytest.raises(SettingInvalid, match="can't hold results"):
        storage_block("secret/not-a-storage")


def test_what_can_not_be_cached_or_kept_does_not_fail_the_run(api: Client) -> None:
    calls: list[int] = []

    @task(cache_policy=INPUTS)
    def keyless(lock: Any) -> int:
        calls.append(1)
        return 1

    @task(persist_result=True)
    def unkept() -> Any:
        return threading.Lock()

    @task(cache_key_fn=lambda *_: "torn-result")
    def torn() -> int:
        return 3

    @flow
    def goes_on() -> list[Any]:
        store = ResultStore()
        store.write("torn-result", 3)
        store.storage.write("torn-result", b'{"serializer": "pickle", "expiration": null}\nnot a pickle')
        return [keyless(threading.Lock()), keyless(threading.Lock()), type(unkept()).__name__, torn()]

    assert goes_on() == [1, 1, "lock", 3]
    assert len(calls) == 2
