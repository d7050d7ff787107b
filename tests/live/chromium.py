"""A real Chromium without a screen, driven through its DevTools protocol.

It is spoken to over one WebSocket: no driver program and no library stand between. What a page reports as an error
(a script that throws, a blocked script or style, a file that is not there) is kept in `complaints`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
CODES = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "Space": 32,
    "PageUp": 33,
    "PageDown": 34,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}
TYPED = {"Enter": "\r", "Space": " "}
PATIENCE = 20.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--remote-debugging-port=0",
)


class Tab:
    """One page of the browser."""

    def __init__(self, socket: ClientConnection, session: str) -> None:
        self.complaints: list[str] = []
        self._socket = socket
        self._session = session
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._loaded = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def open(self, address: str) -> None:
        """Goes to an address and waits until it is loaded."""
        self._loaded.clear()
        await self.call("Page.navigate", url=address)
        await self.loaded()

    def leaves(self) -> None:
        """Says that what is done next leads to another page, which `loaded` then waits for."""
        self._loaded.clear()

    async def loaded(self) -> None:
        """Waits until the page that was gone to is loaded."""
        await asyncio.wait_for(self._loaded.wait(), PATIENCE)

    async def value(self, expression: str) -> Any:
        """What a script gives; a promise is awaited."""
        heard = await self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in heard, heard["exceptionDetails"]
        return heard["result"].get("value")

    async def until(self, expression: str) -> Any:
        """Waits, in the page, until a script gives something true."""
        script = (
            "new Promise((good, bad) => { const look = () => { let found; "
            f"try {{ found = ({expression}); }} catch {{ }} if (found) good(found); }};"
            "setInterval(look, 30); look();"
            f"setTimeout(() => bad(new Error('never came')), {int(PATIENCE * 1000)}); }})"
        )
        return await self.value(script)

    async def go(self, expression: str) -> None:
        """Does something that leads to another page, and waits for that."""
        self._loaded.clear()
        await self.value(f"void setTimeout(() => {{ {expression} }})")
        await self.loaded()

    async def key(self, *keys: str) -> None:
        """Presses keys, one after the other."""
        for one in keys:
            typed = one if len(one) == 1 else TYPED.get(one)
            how: dict[str, Any] = {"key": " " if one == "Space" else one, "code": one if one in CODES else ""}
            how |= {"windowsVirtualKeyCode": CODES[one]} if one in CODES else {}
            await self.call("Input.dispatchKeyEvent", type="keyDown", **how, **({"text": typed} if typed else {}))
            await self.call("Input.dispatchKeyEvent", type="keyUp", **how)

    async def size(self, width: int, height: int) -> None:
        """Takes the size of a screen."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        message = {"id": self._number, "sessionId": self._session, "method": method, "params": parameters}
        await self._socket.send(json.dumps(message))
        return await asyncio.wait_for(answer, PATIENCE + 10)

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)

    async def _read(self) -> None:
        async for text in self._socket:
            message = json.loads(text)
            if "id" in message:
                self._answer(message)
            else:
                await self._hear(message["method"], message.get("params", {}))

    def _answer(self, message: dict[str, Any]) -> None:
        answer = self._answers.pop(message["id"], None)
        if answer is None or answer.done():
            return
        if "error" in message:
            answer.set_exception(AssertionError(message["error"]["message"]))
        else:
            answer.set_result(message["result"])

    async def _hear(self, method: str, told: dict[str, Any]) -> None:
        if method == "Page.loadEventFired":
            self._loaded.set()
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
        elif method == "Page.javascriptDialogOpening":
            asyncio.ensure_future(self.call("Page.handleJavaScriptDialog", accept=True))  # noqa: RUF006 - it is awaited by none


@asynccontextmanager
async def tab(folder: Path) -> AsyncIterator[Tab]:
    """A browser with one empty page; skips where none is installed."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed (scripts/ensure-chromium.sh)")
    process = await asyncio.create_subprocess_exec(
        program, *FLAGS, f"--user-data-dir={folder / 'profile'}", "about:blank", stderr=PIPE, start_new_session=True
    )
    assert process.stderr is not None
    try:
        address = await asyncio.wait_for(_address(process.stderr), PATIENCE * 2)
        draining = asyncio.create_task(_drain(process.stderr))
        async with connect(address, max_size=None) as socket:
            one = Tab(socket, await _attached(socket))
            for domain in ("Page", "Runtime", "Log"):
                await one.call(f"{domain}.enable")
            yield one
            await one.close()
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    await draining


async def _address(told: asyncio.StreamReader) -> str:
    """Where it listens, which it says on its first lines."""
    async for line in told:
        if b"DevTools listening on " in line:
            return line.decode().split()[-1]
    raise AssertionError("Chromium did not start")


async def _drain(told: asyncio.StreamReader) -> None:
    """What else it says is of no interest, but must not fill the pipe."""
    while await told.read(65_536):
        continue


async def _attached(socket: ClientConnection) -> str:
    """The session of a new page."""
    made = await _plain(socket, 900_001, "Target.createTarget", url="about:blank")
    attached = await _plain(socket, 900_002, "Target.attachToTarget", targetId=made["targetId"], flatten=True)
    return str(attached["sessionId"])


async def _plain(socket: ClientConnection, number: int, method: str, **parameters: Any) -> dict[str, Any]:
    await socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
    while True:
        message = json.loads(await socket.recv())
        if message.get("id") == number:
            result: dict[str, Any] = message["result"]
            return result
