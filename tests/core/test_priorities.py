"""Priorities of queues: the sequence that a real server was seen to make, and what holds always."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from penstock.core.priorities import lowest_free, make_room


def test_queues_step_down_as_a_real_server_makes_them() -> None:
    queues: dict[str, int] = {"default": 1}

    def put(name: str, priority: int | None = None) -> None:
        others = {key: value for key, value in queues.items() if key != name}
        wanted = priority or lowest_free(others)
        queues.update(make_room(others, wanted))
        queues[name] = wanted

    put("a")
    put("b")
    assert queues == {"default": 1, "a": 2, "b": 3}
    put("c", 2)
    assert queues == {"default": 1, "c": 2, "a": 3, "b": 4}
    put("d", 1)
    assert queues == {"d": 1, "default": 2, "c": 3, "a": 4, "b": 5}
    put("b", 1)
    assert queues == {"b": 1, "d": 2, "default": 3, "c": 4, "a": 5}
    del queues["d"]
    put("e")
    assert queues["e"] == 2


@given(st.dictionaries(st.text(), st.integers(1, 20)), st.integers(1, 20))
def test_priorities_stay_unique_and_in_order(taken: dict[str, int], wanted: int) -> None:
    unique = {name: priority for priority, name in {value: key for key, value in taken.items()}.items()}
    after = {**unique, **make_room(unique, wanted)}
    assert wanted not in after.values()
    assert len(set(after.values())) == len(after)
    assert sorted(unique, key=unique.__getitem__) == sorted(after, key=after.__getitem__)
