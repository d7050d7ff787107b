"""The outbox: batches, order, what is tried again, what is dropped, what a flush means."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from penstock.client.outbox import Outbox
from penstock.errors import InvalidRequest, ServerUnreachable


def test_items_are_sent_in_order_and_in_batches() -> None:
    sent: list[list[int]] = []
    outbox: Outbox[int] = Outbox("test", lambda batch: sent.append(list(batch)), pause=0.01, batch=10)
    for number in range(25):
        outbox.put(number)
    assert outbox.flush()
    assert [number for batch in sent for number in batch] == list(range(25))
    assert max(map(len, sent)) <= 10


def test_a_lost_batch_is_sent_again() -> None:
    tries: list[Sequence[int]] = []

    def send(batch: Sequence[int]) -> None:
        tries.append(batch)
        if len(tries) == 1:
            raise ServerUnreachable()

    outbox: Outbox[int] = Outbox("test", send, pause=0)
    outbox.put(1)
    assert outbox.flush()
    assert tries == [[1], [1]]
    assert outbox.lost == 0


def test_of_a_refused_batch_only_the_bad_item_is_lost() -> None:
    sent: list[int] = []

    def send(batch: Sequence[int]) -> None:
        if 3 in batch:
            raise InvalidRequest("three")
        sent.extend(batch)

    outbox: Outbox[int] = Outbox("test", send, pause=0.01)
    for number in range(6):
        outbox.put(number)
    assert outbox.flush()
    assert sent == [0, 1, 2, 4, 5]
    assert outbox.lost == 1


def test_a_flush_of_what_can_not_be_sent_ends_in_time() -> None:
    def send(batch: Sequence[int]) -> None:
        raise ServerUnreachable()

    outbox: Outbox[int] = Outbox("test", send, pause=0)
    outbox.put(1)
    assert not outbox.close(timeout=0.05)


def test_many_threads_lose_nothing() -> None:
    sent: list[int] = []
    outbox: Outbox[int] = Outbox("test", lambda batch: sent.extend(batch), pause=0)

    def work(start: int) -> None:
        for number in range(start, start + 500):
            outbox.put(number)

    threads = [threading.Thread(target=work, args=(place * 500,)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outbox.flush()
    assert sorted(sent) == list(range(2000))
