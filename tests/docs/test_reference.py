"""The generated pages say what the code does, and links between pages lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OTHERS = [ROOT / "examples" / "README.md", ROOT / "benchmarks" / "README.md"]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *OTHERS])
FENCED = re.compile(r"^ *```.*?^ *```$", re.M | re.S)
CODE = re.compile(r"`[^`\n]+`")
LINK = re.compile(r"\]\(([^()\s]+)\)")


def test_reference_is_current() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "reference.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """To a file that is there, and to a heading that it has."""
    missing = []
    for link in LINK.findall(CODE.sub("", prose(page))):
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        if not link.startswith(("http:", "https:")) and not is_there(target, anchor):
            missing.append(link)
    assert not missing


@pytest.mark.parametrize("page", sorted((ROOT / "docs").rglob("*.md")), ids=lambda page: str(page.relative_to(ROOT)))
def test_each_page_is_led_to(page: Path) -> None:
    """Somebody who reads finds it: at least one other page has a link to it."""
    assert any(
        (other.parent / link.partition("#")[0]).resolve() == page
        for other in PAGES
        if other != page
        for link in LINK.findall(prose(other))
        if not link.startswith(("http:", "https:"))
    )


def is_there(target: Path, anchor: str) -> bool:
    return target.exists() and (not anchor or anchor in anchors(target))


def prose(page: Path) -> str:
    """What is between the fenced blocks."""
    return FENCED.sub("", page.read_text())


def anchors(page: Path) -> set[str]:
    """The names that the page's headings are led to by: as GitHub makes them."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        name = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        numbered = (f"{name}-{number}" for number in range(1, len(found) + 1))
        found.add(name if name not in found else next(one for one in numbered if one not in found))
    return found
