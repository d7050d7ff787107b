# mypy: ignore-errors
# SDK stands for the package whose copy this file becomes.
"""One flow that uses most of what a flow can use; prints what it saw as JSON."""

import json

from SDK import flow, get_run_logger, tags, task
from SDK.artifacts import create_markdown_artifact, create_table_artifact
from SDK.cache_policies import INPUTS
from SDK.concurrency.sync import concurrency
from SDK.runtime import flow_run
from SDK.variables import Variable

ATTEMPTS = {"flaky": 0}
CALLS = []


@task
def add(left: int, right: int) -> int:
    return left + right


@task(retries=2, retry_delay_seconds=0.1)
def flaky() -> str:
    ATTEMPTS["flaky"] += 1
    if ATTEMPTS["flaky"] < 3:
        raise ValueError("not yet")
    return "third time"


@task(cache_policy=INPUTS, persist_result=True)
def cached(value: int) -> int:
    CALLS.append(value)
    return value * 2


@task
def last(_: int) -> str:
    return "after the others"


@flow
def child(number: int) -> int:
    return add(number, 100)


@flow(log_prints=True)
def everything(name: str = "ford") -> dict:
    get_run_logger().info("hello %s", name)
    print("printed", name)
    mapped = add.map([1, 2, 3], 10)
    waited = last.submit(0, wait_for=mapped)
    with tags("interop"), concurrency("interop-slots", occupy=1):
        slot_held = add(1, 1)
    Variable.set("interop_region", {"name": "west"}, overwrite=True)
    create_markdown_artifact(key="interop-report", markdown=f"# {name}")
    create_table_artifact(key="interop-table", table=[{"a": 1}])
    return {
        "mapped": [future.result() for future in mapped],
        "waited": waited.result(),
        "flaky": flaky(),
        "cached": [cached(4), cached(4)],
        "calls": CALLS,
        "child": child(5),
        "slot_held": slot_held,
        "variable": Variable.get("interop_region"),
        "run": str(flow_run.id),
    }


if __name__ == "__main__":
    print("RESULT " + json.dumps(everything()))
