# mypy: ignore-errors
# SDK stands for the package whose copy this file becomes.
"""The async side: gathered tasks, an async child, a failure that the flow catches."""

import asyncio
import json

from SDK import flow, task
from SDK.runtime import flow_run


@task
async def double(value: int) -> int:
    await asyncio.sleep(0.01)
    return value * 2


@task
async def fails() -> None:
    raise RuntimeError("on purpose")


@flow
async def child(value: int) -> int:
    return await double(value)


@flow
async def asynchronous() -> dict:
    doubled = await asyncio.gather(*(double(i) for i in range(4)))
    state = await fails(return_state=True)
    return {"doubled": list(doubled), "failed": state.type.value, "child": await child(21), "run": str(flow_run.id)}


if __name__ == "__main__":
    print("RESULT " + json.dumps(asyncio.run(asynchronous())))
