"""git_clone against real repositories: what is asked for arrives, and nothing else happens."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.errors import StepFailed
from penstock.steps import repositories
from penstock.steps.git import git_clone
from penstock.steps.protocol import Place
from tests.live.git import BACKEND, Hub, Upstream, spying_git
from tests.live.git import hub as git_hub


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


NOT_CLONED = "is not an address that code may be cloned from"
NO_FOLDER = "is not a relative folder"
NO_BRANCH = "can't be the name of a branch or tag"
NO_COMMIT = "is not the hash of a commit"
REFUSED: list[tuple[dict[str, Any], str]] = [
    # options and programs in the address
    ({"repository": "ext::sh -c 'touch owned'"}, NOT_CLONED),
    ({"repository": "ext::sh%20-c%20touch%20owned"}, NOT_CLONED),
    ({"repository": "fd::17"}, NOT_CLONED),
    ({"repository": "ftp://host/x"}, NOT_CLONED),
    ({"repository": "git://host/x"}, NOT_CLONED),
    ({"repository": "--upload-pack=touch owned"}, NOT_CLONED),
    ({"repository": "-u./owned"}, NOT_CLONED),
    ({"repository": "ssh://-oProxyCommand=touch%20owned/x"}, "names no host"),
    ({"repository": "https:///x"}, "names no host"),
    ({"repository": "git@host:--upload-pack=x"}, NOT_CLONED),
    ({"repository": "-oProxyCommand=x@host:y"}, NOT_CLONED),
    ({"repository": "https://host/x\n[core]"}, NOT_CLONED),
    ({"repository": "../elsewhere"}, NOT_CLONED),
    ({"repository": ""}, NOT_CLONED),
    # options, refspecs and ranges in the branch
    ({"branch": "--upload-pack=touch owned"}, NO_BRANCH),
    ({"branch": "--upload-pack=touch"}, NO_BRANCH),
    ({"branch": "-c"}, NO_BRANCH),
    ({"branch": "main:refs/heads/x"}, NO_BRANCH),
    ({"branch": "+main"}, "no branch and no tag '+main'"),
    ({"branch": "a..b"}, NO_BRANCH),
    ({"branch": "a b"}, NO_BRANCH),
    ({"branch": "a\nb"}, NO_BRANCH),
    ({"branch": "a@{1}"}, NO_BRANCH),
    ({"branch": "x.lock"}, NO_BRANCH),
    ({"branch": "{{ prefect.blocks.secret.x }}"}, NO_BRANCH),
    # in the commit
    ({"commit_sha": "--upload-pack=touch"}, NO_COMMIT),
    ({"commit_sha": "-1234567"}, NO_COMMIT),
    ({"commit_sha": "main"}, NO_COMMIT),
    ({"commit_sha": "1234567 --force"}, NO_COMMIT),
    ({"commit_sha": "1234567\n"}, NO_COMMIT),
    # in folders
    ({"directories": ["--stdin"]}, NO_FOLDER),
    ({"directories": "--stdin"}, NO_FOLDER),
    ({"directories": ["../up"]}, NO_FOLDER),
    ({"directories": ["a/../../up"]}, NO_FOLDER),
    ({"directories": ["/etc"]}, NO_FOLDER),
    ({"directories": ["a\n--stdin"]}, NO_FOLDER),
    ({"clone_directory_name": "../../etc"}, NO_FOLDER),
    ({"clone_directory_name": "/etc"}, NO_FOLDER),
    ({"clone_directory_name": "--bare"}, NO_FOLDER),
    # what excludes each other, and credentials that are none
    ({"branch": "main", "commit_sha": "1234567"}, "a branch or a commit_sha"),
    ({"access_token": "a", "credentials": {"token": "b"}}, "an access_token or credentials"),
    ({"credentials": {"username": "u"}}, "neither a token nor a password"),
    ({"credentials": "t"}, "must be a block's data"),
    ({"repository": "https://bitbucketserver.x/y.git", "access_token": "t"}, "wants a user too"),
]


@pytest.mark.parametrize(("wish", "said"), REFUSED, ids=[str(wish) for wish, _ in REFUSED])
async def test_what_could_mislead_git_is_refused(
    upstream: Upstream, at: Place, wish: dict[str, Any], said: str
) -> None:
    upstream.commit({"flow.py": "1"})
    with pytest.raises(StepFailed, match=re.escape(said)):
        await git_clone(at, **{"repository": str(upstream.bare), **wish})
    assert list(at.start.rglob("owned")) == []


@pytest.mark.parametrize("url", ["ext::sh -c 'touch owned'", "--upload-pack=touch owned", "-u./owned"])
async def test_a_submodule_can_not_run_a_program(upstream: Upstream, at: Place, url: str) -> None:
    head = upstream.commit({".gitmodules": f'[submodule "sub"]\n\tpath = sub\n\turl = "{url}"\n'})
    upstream.git("update-index", "--add", "--cacheinfo", f"160000,{head},sub")
    upstream.git("commit", "--quiet", "--message", "x")
    upstream.git("push", "--quiet", "origin", "main")
    with pytest.raises(StepFailed, match=r"'ext' not allowed|interpreted as a command-line option"):
        await git_clone(at, repository=str(upstream.bare), include_submodules=True)
    assert list(at.start.rglob("owned")) == []


async def test_git_sees_none_of_the_worker_s_secrets(
    upstream: Upstream, at: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit({"flow.py": "1"})
    seen = tmp_path / "seen"
    path, _ = spying_git(tmp_path)
    (tmp_path / "bin" / "git").write_text(f'#!/bin/sh\nenv >> {seen}\nexec {shutil.which("git")} "$@"\n')
    monkeypatch.setenv("PATH", path)
    monkeypatch.setenv("PENSTOCK_API_KEY", "w0rker-key")
    monkeypatch.setenv("https_proxy", "http://proxy.example")
    await git_clone(at, repository=str(upstream.bare))
    assert "w0rker-key" not in seen.read_text()
    assert "https_proxy=http://proxy.example" in seen.read_text()


@pytest.mark.parametrize(
    ("host", "given", "user"),
    [
        ("github.com", "t", "x-access-token"),
        ("gitlab.com", "t", "oauth2"),
        ("gitlab.example.org", {"token": "t"}, "oauth2"),
        ("git.example.org", {"token": "t", "url": "https://gitlab.example.org"}, "oauth2"),
        ("gitlab.com", "deploy:t", "deploy"),
        ("gitlab.com", "oauth2:t", "oauth2"),
        ("bitbucket.org", "t", "x-token-auth"),
        ("bitbucket.org", {"token": "t", "username": "me"}, "me"),
        ("bitbucket.org", {"password": "t", "username": "me"}, "me"),
        ("bitbucketserver.example.org", "me:t", "me"),
        ("bitbucketserver.example.org", {"token": "t", "username": "me"}, "me"),
    ],
)
def test_each_host_gets_the_user_it_expects(host: str, given: Any, user: str) -> None:
    source = repositories.repository(f"https://{host}/team/project.git")
    token, block = (given, None) if isinstance(given, str) else (None, given)
    assert repositories.credentials(source, token, block) == repositories.Credentials(user, "t")


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
    with pytest.raises(StepFailed, match="has no branch and no tag 'nope'"):
        await git_clone(at, repository=str(upstream.bare), branch="nope")


SECRET = "s3cr3t-token"


@pytest.fixture
def hub(upstream: Upstream) -> Iterator[Hub]:
    """The upstream's folder over HTTP."""
    if not BACKEND.exists():
        pytest.skip("git was installed without git-http-backend")
    with git_hub(upstream.bare.parent, SECRET) as server:
        yield server


@pytest.mark.parametrize("way", ["token", "credentials", "in the address"])
async def test_a_token_opens_and_stays_out_of_everything(
    upstream: Upstream, at: Place, hub: Hub, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream.commit({"flow.py": "1"})
    path, argv = spying_git(tmp_path)
    monkeypatch.setenv("PATH", path)
    wish: dict[str, Any] = {"repository": f"{hub.url}/project.git"}
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


async def test_a_wrong_token_fails_without_being_told(upstream: Upstream, at: Place, hub: Hub) -> None:
    upstream.commit({"flow.py": "1"})
    with pytest.raises(StepFailed) as failed:
        await git_clone(at, repository=f"{hub.url}/project.git", access_token="wrong-s3cr3t")
    assert "wrong-s3cr3t" not in failed.value.message
    assert "Authentication failed" in failed.value.message
