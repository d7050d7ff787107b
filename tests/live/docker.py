"""A real Docker engine, and an image for it that is made of this machine's Python, so that nothing is pulled."""

from __future__ import annotations

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import docker
import pytest

import penstock
from tests.live.servers import end, free_port

REPOSITORY = "penstock-test/python"
OLDEST_KEPT = 8
PROGRAMS = ("sh", "sleep", "env", "rm", "chmod")
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__", "site-packages"}
PIP = ("pip",)
LIBRARY = re.compile(r"(/\S+\.so\S*)")
SCRIPT = "#!/usr/local/bin/python3\nimport sys\nfrom penstock.cli.main import main\nsys.exit(main())\n"


@dataclass(frozen=True)
class Engine:
    """The engine, and the image that has this Python, Penstock and pip."""

    client: docker.DockerClient
    image: str

    @property
    def api(self) -> docker.APIClient:
        return self.client.api

    def remove_containers(self, *labels: str) -> None:
        """Removes the containers with these labels; others may be of tests that run beside."""
        for one in self.client.containers.list(all=True, filters={"label": list(labels)}):
            one.remove(force=True)


def answering() -> docker.DockerClient:
    """A client of the engine that the environment names; a test that asks for it is skipped where none answers."""
    try:
        client = docker.from_env(timeout=120)
        client.ping()
    except docker.errors.DockerException as error:
        pytest.skip(f"no Docker engine answers: {error}")
    return client


@contextmanager
def engine() -> Iterator[Engine]:
    """The engine with the image."""
    client = answering()
    try:
        yield Engine(client, image(client))
    finally:
        client.close()


def image(client: docker.DockerClient) -> str:
    """The reference of the image, which is made again only when what is in it has changed."""
    content = Content()
    reference = f"{REPOSITORY}:{content.digest()}"
    known = [tag for one in client.images.list(REPOSITORY) for tag in one.tags]
    if reference not in known:
        changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", f"ENV LD_LIBRARY_PATH={content.library_path()}"]
        client.api.timeout = 120
        client.api.import_image_from_data(content.tar(), *reference.rsplit(":", 1), changes=changes)
        for old in known[OLDEST_KEPT:]:
            client.images.remove(old, force=True)
    return reference


@dataclass
class Content:
    """What goes into the image: path in it -> file here."""

    files: dict[str, Path] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        python = Path(sys.executable).resolve()
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = f"usr/local/lib/{version}/site-packages"
        self.files[f"usr/local/bin/{version}"] = python
        self._add_tree(Path(sysconfig.get_path("stdlib")), f"usr/local/lib/{version}")
        for name in distributions("penstock") | distributions(*PIP):
            self._add_distribution(name, packages)
        self._add_tree(Path(penstock.__file__).parent, f"{packages}/penstock")
        for program in PROGRAMS:
            self.files[f"bin/{program}"] = Path(shutil.which(program) or f"/bin/{program}").resolve()
        for path in self._libraries():
            self.files[path.lstrip("/")] = Path(path).resolve()
            self.libraries.add(str(Path(path).parent))

    def _add_tree(self, folder: Path, place: str) -> None:
        for root, folders, files in os.walk(folder):
            folders[:] = [one for one in folders if one not in LEFT_OUT and not one.startswith("config-")]
            for name in files:
                path = Path(root, name)
                self.files[f"{place}/{path.relative_to(folder)}"] = path

    def _add_distribution(self, name: str, place: str) -> None:
        for file in metadata.distribution(name).files or []:
            path = Path(str(file.locate()))
            inside = not str(file).startswith("..") and "__pycache__" not in str(file)
            if inside and path.is_file() and path.suffix != ".pth":
                self.files[f"{place}/{file}"] = path

    def _libraries(self) -> set[str]:
        """The shared libraries of all programs and extension modules, the loader too."""
        binaries = [str(path) for place, path in self.files.items() if ".so" in path.name or "bin/" in place]
        said = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
        return {path for path in LIBRARY.findall(said) if Path(path).exists()}

    def library_path(self) -> str:
        return ":".join(sorted(self.libraries))

    def digest(self) -> str:
        """Of what is in the image, as far as sizes and times tell."""
        found = hashlib.sha256(SCRIPT.encode())
        for place, path in sorted(self.files.items()):
            told = path.stat()
            found.update(f"{place} {told.st_size} {told.st_mtime_ns}\n".encode())
        return found.hexdigest()[:16]

    def tar(self) -> bytes:
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
            for name in ("tmp", "root", "proc", "sys", "dev"):
                archive.addfile(folder(name))
            for place, path in self.files.items():
                with path.open("rb") as file:
                    archive.addfile(entry(place, path.stat().st_size, path.stat().st_mode), file)
            for place, text in self._texts().items():
                archive.addfile(entry(place, len(text), 0o755), io.BytesIO(text.encode()))
            for alias in ("python3", "python"):
                archive.addfile(
                    link(f"usr/local/bin/{alias}", f"python{sys.version_info.major}.{sys.version_info.minor}")
                )
        return buffer.getvalue()

    def _texts(self) -> dict[str, str]:
        return {
            "usr/local/bin/penstock": SCRIPT,
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
            "etc/group": "root:x:0:\n",
            "etc/nsswitch.conf": "hosts: files dns\n",
        }


def folder(name: str) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    return found


def entry(place: str, size: int, mode: int) -> tarfile.TarInfo:
    found = tarfile.TarInfo(place)
    found.size, found.mode = size, mode & 0o777
    return found


def link(place: str, target: str) -> tarfile.TarInfo:
    found = tarfile.TarInfo(place)
    found.type, found.linkname = tarfile.SYMTYPE, target
    return found


def distributions(*roots: str) -> set[str]:
    """These packages and all they need, extras left out."""
    found: set[str] = set()
    waiting = list(roots)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found:
            continue
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue  # needed on another platform only
        found.add(name)
        waiting += [re.split(r"[^A-Za-z0-9._-]", one, maxsplit=1)[0] for one in needed if "extra ==" not in one]
    return found


USER, PASSWORD = "robot", "not-to-be-shown"
HTPASSWD = "robot:$2b$05$dg2tcqgfh3DXgi9l34o5jO91A/Z.9Czh1UUHwOWIy946RtTvsN19e"
REGISTRY = """\
version: 0.1
log: {{level: error}}
storage: {{filesystem: {{rootdirectory: {folder}/images}}}}
http: {{addr: "127.0.0.1:{port}"}}
auth: {{htpasswd: {{realm: tests, path: {folder}/htpasswd}}}}
"""


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """The host of a real registry that wants a password; skipped where Debian's `docker-registry` is not installed."""
    program = shutil.which("docker-registry")
    if program is None:
        pytest.skip("docker-registry is not installed")
    port = free_port()
    (folder / "htpasswd").write_text(f"{HTPASSWD}\n")
    (folder / "config.yml").write_text(REGISTRY.format(folder=folder, port=port))
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen([program, "serve", str(folder / "config.yml")], stdout=log, stderr=log)
    try:
        yield f"127.0.0.1:{port}"
    finally:
        end(process)
