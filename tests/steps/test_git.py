"""git_clone against real repositories: what is asked for arrives, and nothing else happens."""

from __future__ import annotations

import base64
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import StepFailed
from penstock.steps.git import git_clone
from penstock.steps.protocol import Place
from tests.steps.conftest import Upstream


def read(outputs: dict[str, str], name: str = "flow.py") -> str:
    return Path(outputs["directory"], name).read_text()


def files(outputs: dict[str, str]) -> list[Path]:
    return sorted(path for path in Path(outputs["directory"]).rglob("*") if path.is_file())


async def test_default_branch_is_cloned_without_history(upstream: Upstream, at: Place) -> None:
    upstream.commit({"flow.py": "1"})
    upstream.commit({"flow.py": "2"})
    outputs = await git_clone(at, repository=upstream.bare.as_uri())
    clone = Path(outputs["directory"])
    assert clone == at.start / "project"
    assert (clone / "flow.py").read_text() == "2"
    assert upstream.git("rev-list", "--count", "HEAD", cwd=clone) == "1"


async def test_branch_tag_and_commit(upstream: Upstream, at: Place) -> None:
    first = upstream.commit({"flow.py": "1"})
    upstream.git("tag", "v1")
    upstream.git("push", "--quiet", "origin", "v1")
    upstream.commit({"flow.py": "2"}, branch="feature/new")
    wishes: list[tuple[dict[str, Any], str, str]] = [
        ({"branch": "feature/new"}, "2", "project-feature-new"),
        ({"branch": "v1"}, "1", "project-v1"),
        ({"commit_sha": first}, "1", f"project-{first}"),
        ({"commit_sha": first[:8]}, "1", f"project-{first[:8]}"),
        ({"branch": "main", "clone_directory_name": "mine"}, "1", "mine"),
    ]
    for wish, text, name in wishes:
        outputs = await git_clone(at, repository=str(upstream.bare), **wish)
        assert outputs["directory"] == str(at.start / name)
        assert read(outputs) == text


async def test_an_earlier_clone_is_brought_up_to_date(upstream: Upstream, at: Place) -> None:
    upstream.commit({"flow.py": "1"})
    outputs = await git_clone(at, repository=str(upstream.bare))
    at.start.joinpath("project", "flow.py").write_text("changed here")
    upstream.commit({"flow.py": "2"})
    await git_clone(at, repository=str(upstream.bare))
    assert read(outputs) == "2"


async def test_only_the_wanted_folders(upstream: Upstream, at: Place) -> None:
    upstream.commit({"a/x.py": "1", "b/y.py": "2", "top.py": "3"})
    outputs = await git_clone(at, repository=str(upstream.bare), directories=["a"])
    assert [path.name for path in files(outputs) if path.suffix == ".py"] == ["x.py", "top.py"]


async def test_submodules(upstream: Upstream, at: Place, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Upstream(tmp_path / "other")
    other.commit({"lib.py": "1"})
    upstream.commit({"flow.py": "1"})
    upstream.git("submodule", "add", "--quiet", str(other.bare), "lib")
    upstream.commit({})
    outputs = await git_clone(at, repository=str(upstream.bare), include_submodules=True)
    assert read(outputs, "lib/lib.py") == "1"


@pytest.mark.parametrize(
    "wish",
    [
        {"repository": "ext::sh -c 'touch owned'"},
        {"repository": "--upload-pack=touch owned"},
        {"repository": "ssh://-oProxyCommand=touch%20owned/x"},
        {"repository": "git@host:--upload-pack=x"},
        {"branch": "--upload-pack=touch owned"},
        {"branch": "a..b"},
        {"branch": "a b"},
        {"commit_sha": "--upload-pack=touch"},
        {"commit_sha": "main"},
        {"directories": ["--stdin"]},
        {"directories": ["../up"]},
        {"clone_directory_name": "../../etc"},
        {"branch": "main", "commit_sha": "1234567"},
        {"access_token": "a", "credentials": {"token": "b"}},
    ],
    ids=str,
)
async def test_what_could_mislead_git_is_refused(upstream: Upstream, at: Place, wish: dict[str, Any]) -> None:
    upstream.commit({"flow.py": "1"})
    with pytest.raises(StepFailed):
        await git_clone(at, **{"repository": str(upstream.bare), **wish})
    assert list(at.start.iterdir()) == []


async def test_hooks_of_the_machine_do_not_run(upstream: Upstream, at: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    upstream.commit({"flow.py": "1"})
    hooks = at.start / "hooks"
    hooks.mkdir()
    (hooks / "post-checkout").write_text("#!/bin/sh\ntouch owned\n")
    (hooks / "post-checkout").chmod(0o755)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.hooksPath")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", str(hooks))
    outputs = await git_clone(at, repository=str(upstream.bare))
    assert "owned" not in [path.name for path in files(outputs)]


async def test_a_missing_branch_is_named_at_once(upstream: Upstream, at: Place) -> None:
    upstream.commit({"flow.py": "1"})
    with pytest.raises(StepFailed, match="refs/tags/nope"):
        await git_clone(at, repository=str(upstream.bare), branch="nope")


SECRET = "s3cr3t-token"
BACKEND = Path("/usr/lib/git-core/git-http-backend")


class Backend(BaseHTTPRequestHandler):
    """Serves repositories over HTTP to who knows the token, through git's own CGI program."""

    root: Path
    seen: list[str | None]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        wanted = base64.b64encode(f"x-access-token:{SECRET}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {wanted}":
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        answer = subprocess.run([str(BACKEND)], input=body, env=env, capture_output=True, check=True).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        fields = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def hub(upstream: Upstream) -> Iterator[str]:
    """The address of the upstream's folder over HTTP."""
    if not BACKEND.exists():
        pytest.skip("git was installed without git-http-backend")
    Backend.root, Backend.seen = upstream.bare.parent, []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize("way", ["token", "credentials", "in the address"])
async def test_a_token_opens_and_stays_out_of_everything(
    upstream: Upstream, at: Place, hub: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit({"flow.py": "1"})
    argv = spy(tmp_path, monkeypatch)
    wish: dict[str, Any] = {"repository": f"{hub}/project.git"}
    if way == "token":
        wish["access_token"] = SECRET
    elif way == "credentials":
        wish["credentials"] = {"token": SECRET}
    else:
        wish["repository"] = wish["repository"].replace("//", f"//{SECRET}@")
    outputs = await git_clone(at, **wish)
    assert read(outputs) == "1"
    assert SECRET not in argv.read_text()
    assert all(SECRET.encode() not in path.read_bytes() for path in files(outputs))


async def test_a_wrong_token_fails_without_being_told(upstream: Upstream, at: Place, hub: str) -> None:
    upstream.commit({"flow.py": "1"})
    with pytest.raises(StepFailed) as failed:
        await git_clone(at, repository=f"{hub}/project.git", access_token="wrong-s3cr3t")
    assert "wrong-s3cr3t" not in failed.value.message
    assert "Authentication failed" in failed.value.message


def spy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Puts a git in front that writes its arguments down; gives the file it writes to."""
    folder, seen = tmp_path / "bin", tmp_path / "argv"
    folder.mkdir()
    program = folder / "git"
    program.write_text(f'#!/bin/sh\necho "$@" >> {seen}\nexec {shutil.which("git")} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return seen
