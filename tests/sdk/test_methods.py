"""`@flow` and `@task` on methods of every kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from penstock import flow, task
from penstock.client.client import Client
from penstock.wire.task_runs import TaskRun

TasksOf = Callable[[str], dict[str, TaskRun]]


class Shop:
    currency = "EUR"

    def __init__(self, rate: float) -> None:
        self.rate = rate

    @task
    def price(self, amount: float) -> float:
        return amount * self.rate

    @classmethod
    @task
    def label(cls, amount: float) -> str:
        return f"{amount:.2f} {cls.currency}"

    @task
    @classmethod
    def long_label(cls, amount: float) -> str:
        return f"{amount:.4f} {cls.currency}"

    @staticmethod
    @task
    def half(amount: float) -> float:
        return amount / 2

    @task
    @staticmethod
    def third(amount: float) -> float:
        return amount / 3

    @flow(flow_run_name="sell")
    def sell(self, amount: float) -> list[str]:
        price = self.price.submit(amount).result()
        third: Any = self.third
        return [self.label(price), self.long_label(Shop.half(price)), Shop.label.submit(third(price)).result()]

    @flow
    @staticmethod
    def twice(x: int) -> int:
        return 2 * x

    @flow
    @classmethod
    def name_of(cls) -> str:
        return cls.__name__


class Kiosk(Shop):
    currency = "USD"


def test_methods_are_bound_to_their_object_or_class(api: Client, tasks_of: TasksOf) -> None:
    assert Kiosk(1.5).sell(2) == ["3.00 USD", "1.5000 USD", "1.00 EUR"]
    runs = tasks_of("sell")
    assert set(runs) == {"price", "label", "long_label", "half", "third"}
    assert runs["price"].task_inputs == {"amount": []}


def test_flows_on_classes_need_no_object(api: Client) -> None:
    assert Shop.twice(2) == 4
    of_class: Any = Kiosk.name_of  # with its decorators in this order its type is that of a method
    assert of_class() == "Kiosk"
    assert Kiosk(1).name_of() == "Kiosk"
