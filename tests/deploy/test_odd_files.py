"""docs/odd-files.md: what is said about each malformed or odd project file."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.client.client import AsyncClient
from penstock.client.open import open_client
from penstock.clock import utc_now
from penstock.deploy.compile import Workshop
from penstock.deploy.manifest import load_manifest
from penstock.deploy.project import preview_entries
from penstock.deploy.select import select
from penstock.errors import DeployFailed
from penstock.settings import load
from tests.deploy.odd_files import BROKEN, FAILING, FILES, FLOWS, ONE
from tests.live.programs import penstock
from tests.live.servers import Server, running

PAGE = Path(__file__).parents[2] / "docs" / "odd-files.md"
HEAD = """# Odd project files, and what is said about them

What `penstock deploy --all` says about each file; what begins with `warning:` is deployed all the same. Paths and
ids are replaced. Written by `PENSTOCK_TEST_WRITE=1 pytest tests/deploy/test_odd_files.py`; without the variable
the test compares.

The files speak of a `flows.py` with a flow `hello(name: str = "world", n: int = 2)`, and of a process pool `p`.
"""
LEAST = 60
LONGEST = 400


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("odd") / "server") as live:
        live.shell(live.home).run("work-pool", "create", "p", "--type", "process")
        live.api.post("/work_pools/", {"name": "agents", "type": "prefect-agent"})
        yield live


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"flows.py": FLOWS, "broken.py": BROKEN, "failing.py": FAILING}.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


async def said(client: AsyncClient, folder: Path) -> list[str]:
    """What deploying all of a folder's file would say, nothing being deployed."""
    warnings: list[str] = []
    try:
        manifest = load_manifest(Path("prefect.yaml"))
        warnings += manifest.warnings
        selection = select(manifest, [], every=True)
        warnings += selection.warnings
        shop = Workshop(client, folder, {}, utc_now())
        async for item in preview_entries(selection.entries, manifest, shop):
            warnings += item.warnings
    except DeployFailed as error:
        return [*(f"warning: {one}" for one in warnings), *error.message.splitlines()]
    return [f"warning: {one}" for one in warnings if "steps are not run" not in one]


def section(title: str, entries: dict[str, tuple[str, list[str]]]) -> str:
    lines = [f"\n## {title}\n"]
    for name, (text, messages) in entries.items():
        shown = text if len(text) <= LONGEST else text[:LONGEST] + "..."
        lines += [f"**{name}**\n", "```yaml", shown.rstrip("\n"), "```\n", "```text", *messages, "```\n"]
    return "\n".join(lines)


def test_the_page_says_what_is_said(server: Server, folder: Path) -> None:
    settings = load(environ={"PENSTOCK_API_URL": server.url}, cwd=folder)
    found: dict[str, dict[str, tuple[str, list[str]]]] = {}

    async def every() -> None:
        with open_client(settings) as blocking:
            async with AsyncClient(blocking) as client:
                for title, files in FILES.items():
                    found[title] = {name: await one(client, text) for name, text in files.items()}

    async def one(client: AsyncClient, text: str | bytes) -> tuple[str, list[str]]:
        content = text.encode() if isinstance(text, str) else text
        (folder / "prefect.yaml").write_bytes(content)
        messages = [
            line.replace(f"{folder}/", "").replace(str(folder), "FOLDER") for line in await said(client, folder)
        ]
        return content.decode(errors="replace").replace(ONE, "").strip("\n") or content.decode(), messages

    asyncio.run(every())
    silent = [name for files in found.values() for name, (_, messages) in files.items() if not messages]
    assert silent == []
    assert sum(map(len, found.values())) >= LEAST
    every_message = "\n".join(line for files in found.values() for _, lines in files.values() for line in lines)
    assert not re.search(r"Traceback|NoneType|object at 0x|<class|KeyError|AttributeError", every_message)
    page = HEAD + "".join(section(title, entries) for title, entries in found.items())
    if os.environ.get("PENSTOCK_TEST_WRITE"):
        PAGE.write_text(page)
    assert PAGE.read_text() == page
