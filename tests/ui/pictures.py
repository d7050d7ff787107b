"""`python -m tests.ui.pictures`: the pictures of the dashboard in the README, light and dark, of a seeded server."""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path

from tests.live.chromium import Tab
from tests.ui.desk import open_desk
from tests.ui.lifelike import seed

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
SIZE = (1280, 860)
RUN = "brave-otter"


async def main() -> None:
    """Takes each picture anew."""
    with tempfile.TemporaryDirectory() as folder:
        async with open_desk(Path(folder)) as desk:
            await desk.tab.size(*SIZE)
            day = await seed(desk.day.app, runs=400)
            for name, path in {"overview": "/", "run": f"/runs/{day.runs[RUN]}"}.items():
                await desk.open(path)
                for scheme in ("light", "dark"):
                    picture = await taken(desk.tab, scheme)
                    await asyncio.to_thread((FOLDER / f"{name}-{scheme}.png").write_bytes, picture)


async def taken(tab: Tab, scheme: str) -> bytes:
    """A picture of what is on the screen."""
    await tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    await tab.value("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    return base64.b64decode((await tab.call("Page.captureScreenshot", format="png"))["data"])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    asyncio.run(main())
