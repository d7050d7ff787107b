"""The house rules that a machine can hold: floors, sizes, names, and the page that describes them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "penstock"

PUBLIC = {
    *(
        "artifacts",
        "blocks",
        "cache_policies",
        "concurrency",
        "context",
        "deployments",
        "docker",
        "events",
        "exceptions",
        "flows",
        "futures",
        "input",
    ),
    *("logging", "runtime", "states", "task_runners", "tasks", "transactions", "variables"),
}
"""What flow code imports (`from penstock.artifacts import ...`): each only points into `sdk`."""

FLOORS = [
    {"errors", "settings", "clock", "ids", "names", "plugins"},
    {"wire"},
    {"core"},
    {"store", "client", "infra", "storage"},
    {"server", "sdk", "steps", "upgrade"},
    {"worker", "deploy", "provision", "ui"},
    {"assemble", "agent"},
    {"cli", "testing"} | PUBLIC,
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "base"}
MOST_LINES = 600
MOST_BODY_LINES = 50
LONG_BODIES: dict[str, str] = {}
"""`file:function` -> why its body may be longer than the rule; at most one in a hundred."""

# Third-party packages, and the one place (a file or a folder) that each is used from.
HOMES = {
    "azure": "infra/azure.py",
    "google": "infra/google.py",
    "google_auth_httplib2": "infra/google.py",
    "googleapiclient": "infra/google.py",
    "httplib2": "infra/google.py",
    "modal": "infra/modal.py",
    "jinja2": "ui/templating.py",
    "markupsafe": "ui/templating.py",
    "markdown_it": "ui/markdown.py",
    "asyncpg": "store/postgres",
    "sqlite3": "store/sqlite",
    "http": "client/transport.py",
    "uvicorn": "server/serve.py",
    "uvloop": "server/serve.py",
    "croniter": "core/schedules.py",
    "dateutil": "core/schedules.py",
    "ruamel": "deploy/",
    "click": "cli/",
    "fsspec": "storage/remote.py",
    "pathspec": "storage/ignore.py",
    "docker": "infra/docker/",
    "kubernetes": "infra/kubernetes/cluster.py",
    "boto3": "infra/ecs/aws.py",
}


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py"))


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def part_of(path: Path) -> str:
    """The first name below the package: `store` for store/sqlite.py, `errors` for errors.py."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@cache
def imports(path: Path) -> tuple[tuple[int, str], ...]:
    """Every import of a file, those inside functions and under TYPE_CHECKING too."""
    return tuple(_imports(parsed(path)))


def _imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.lineno, node.module
            if node.module == "penstock":
                yield from ((node.lineno, f"penstock.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_only_go_down(path: Path) -> None:
    part = part_of(path)
    if part in ("__init__", "__main__"):
        return
    wrong = []
    for line, module in imports(path):
        if not module.startswith("penstock."):
            continue
        target = module.split(".")[1]
        if target != part and target in FLOOR_OF and not allowed(part, target):
            wrong.append(f"{name_of(path)}:{line} imports {module}")
    assert not wrong, "\n".join(wrong)


def allowed(part: str, target: str) -> bool:
    """Down only; the ground floor's names may use each other."""
    return FLOOR_OF[target] < FLOOR_OF[part] or FLOOR_OF[target] == FLOOR_OF[part] == 0


def test_every_part_has_a_floor() -> None:
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    assert parts <= set(FLOOR_OF), f"no floor given to {sorted(parts - set(FLOOR_OF))}"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_a_library_is_used_from_one_place(path: Path) -> None:
    wrong = [
        f"{name_of(path)}:{line} imports {module}, which belongs to {HOMES[module.split('.')[0]]}"
        for line, module in imports(path)
        if module.split(".")[0] in HOMES and not name_of(path).startswith(HOMES[module.split(".")[0]])
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", [p for p in modules() if part_of(p) == "core"], ids=name_of)
def test_core_looks_at_nothing_outside(path: Path) -> None:
    text = path.read_text()
    for word in ("datetime.now(", "utcnow(", "time.time(", "os.environ", "open(", "new_id()", "utc_now("):
        assert word not in text, f"{name_of(path)} uses {word}: time, ids and the environment are passed in"


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_files_stay_small_and_say_why_they_exist(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES
    assert path.stem not in FORBIDDEN_NAMES
    assert not text.strip() or ast.get_docstring(parsed(path)), "a module begins by saying why it exists"


def bodies() -> Iterator[tuple[str, int]]:
    for path in modules():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name_of(path)}:{node.name}", body_lines(node)


def body_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement after the docstring to the last."""
    body = node.body[1:] if ast.get_docstring(node) else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_bodies_stay_small() -> None:
    every = dict(bodies())
    long = {name for name, lines in every.items() if lines > MOST_BODY_LINES}
    assert long <= set(LONG_BODIES), f"too long: {sorted(long - set(LONG_BODIES))}"
    assert set(LONG_BODIES) <= long, f"no longer long: {sorted(set(LONG_BODIES) - long)}"
    assert len(LONG_BODIES) <= max(1, len(every) // 100)


def test_our_own_code_is_never_mocked() -> None:
    banned = re.compile(r"unittest\.mock|from unittest import mock|\bmocker\b|MagicMock")
    here = Path(__file__)
    wrong = [str(p) for p in (ROOT / "tests").rglob("*.py") if p != here and banned.search(p.read_text())]
    assert not wrong


def test_architecture_page_names_real_files() -> None:
    """Every `path.py` that ARCHITECTURE.md names exists, and every part has its line."""
    page = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*\.(?:py|sql))`", page))
    missing = [name for name in sorted(named) if not ((SOURCE / name).exists() or (ROOT / name).exists())]
    assert not missing, f"ARCHITECTURE.md names files that are not there: {missing}"
    parts = {part_of(path) for path in modules()} - {"__init__", "__main__"}
    unnamed = [part for part in sorted(parts) if f"`{part}`" not in page]
    assert not unnamed, f"ARCHITECTURE.md has no line for {unnamed}"


def test_package_supports_the_python_it_claims() -> None:
    assert sys.version_info >= (3, 11)
