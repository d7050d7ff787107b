"""Many deployments of one file: asked for at once, made side by side, each told of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.programs import penstock
from tests.live.servers import Server, running

FLOWS = """
from penstock import flow

print("imported")

@flow
def one(n: int = 1): ...

@flow
def two(): ...
"""
MANY = 24


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(penstock(), tmp_path_factory.mktemp("many") / "server") as live:
        live.shell(live.home).run("work-pool", "create", "p", "--type", "process")
        yield live


def project(folder: Path, extra: str = "") -> None:
    (folder / "flows.py").write_text(FLOWS)
    entries = [
        f"- {{name: d{i:02d}, entrypoint: 'flows.py:{('two', 'one')[i % 2]}', tags: [t{i}], work_pool: {{name: p}}}}"
        for i in range(MANY)
    ]
    (folder / "prefect.yaml").write_text("\n".join(["deployments:", *entries]) + "\n" + extra)


def test_each_is_made_then_left_alone(server: Server, tmp_path: Path) -> None:
    project(tmp_path)
    shell = server.shell(tmp_path)
    first = shell.run("--no-prompt", "deploy", "--all")
    assert first.returncode == 0, first.stderr
    told = [line for line in first.stdout.splitlines() if line.startswith("Deployment")]
    assert [line.split("'")[1].partition("/")[2] for line in told] == [f"d{i:02d}" for i in range(MANY)]
    assert all(" created: " in line for line in told)
    assert first.stdout.count("imported") == 1
    found = {one["name"]: one["tags"] for one in server.api.post("/deployments/filter", {})}
    assert found == {f"d{i:02d}": [f"t{i}"] for i in range(MANY)}
    again = shell.run("--no-prompt", "deploy", "--all")
    assert again.stdout.count(" unchanged: ") == MANY


def test_a_refusal_keeps_no_other_from_being_made(server: Server, tmp_path: Path) -> None:
    """Here by what only the server looks at: one slug for two schedules."""
    schedules = "[{interval: 60, slug: x}, {interval: 90, slug: x}]"
    refused = f"name: refused, entrypoint: 'flows.py:one', schedules: {schedules}, work_pool: {{name: p}}"
    project(tmp_path, f"- {{{refused}}}\n")
    text = (tmp_path / "prefect.yaml").read_text().replace("tags: [t", "tags: [u")
    (tmp_path / "prefect.yaml").write_text(text)
    done = server.shell(tmp_path).run("--no-prompt", "deploy", "--all")
    assert done.returncode == 1
    assert done.stdout.count(" updated: ") == MANY
    assert "one/refused was not deployed: " in done.stderr
