"""Flows seen in sources without importing them."""

from __future__ import annotations

from pathlib import Path

from penstock.deploy.flow_facts import FoundFlow, find_flows

SOURCE = """
import nothing_that_is_here
from penstock import flow
import penstock as p

@flow
def one(): ...

@flow(name="two words", retries=3)
async def two(): ...

@p.flow()
def three_more(): ...

def none(): ...
"""


def test_flows_are_found_and_hidden_folders_are_not_looked_into(tmp_path: Path) -> None:
    for name in ("a.py", "deep/b.py", ".venv/c.py", "venv/d.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(SOURCE)
    (tmp_path / "broken.py").write_text("def (")
    found = find_flows(tmp_path)
    assert found[:3] == [
        FoundFlow(Path("a.py"), "one", "one"),
        FoundFlow(Path("a.py"), "two", "two words"),
        FoundFlow(Path("a.py"), "three_more", "three-more"),
    ]
    assert {one.file for one in found} == {Path("a.py"), Path("deep/b.py")}
