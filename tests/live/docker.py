"""A real Docker engine, and images for it that are made of this machine's Python, so that nothing is pulled."""

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
from tests.live.programs import Program
from tests.live.servers import end, free_port

REPOSITORY = "penstock-test/python"
PREFECT_REPOSITORY = "penstock-test/prefect"
OLDEST_KEPT = 8
PROGRAMS = ("sh", "sleep", "env", "rm", "chmod")
LEFT_OUT = {"test", "tests", "idlelib", "tkinter", "turtledemo", "lib2to3", "ensurepip", "__pycache__", "site-packages"}
PIP = ("pip",)
UNUSED_BY_PREFECT = {"pip", "setuptools", "pkg_resources", "_distutils_hack", "ui", "ui_build", "ui-v2", "ui_v2_build"}
"""A job needs neither installers nor the pages of a server, which are half of the size."""
LIBRARY = re.compile(r"(/\S+\.so\S*)")
SCRIPT = "#!/usr/local/bin/python3\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
PENSTOCK = {"usr/local/bin/penstock": SCRIPT.format(module="penstock.cli.main", function="main")}
PREFECT = {"usr/local/bin/prefect": SCRIPT.format(module="prefect.cli", function="app")}


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
        yield Engine(client, image(client, REPOSITORY, with_penstock()))
    finally:
        client.close()


def image_with_prefect(client: docker.DockerClient, prefect: Program) -> str:
    """The reference of an image that has the real Prefect of an installation here, and no Penstock."""
    return image(client, PREFECT_REPOSITORY, with_prefect(prefect))


def image(client: docker.DockerClient, repository: str, content: Content) -> str:
    """The reference of an image, which is made again only when what is in it has changed."""
    reference = f"{repository}:{content.digest()}"
    known = [tag for one in client.images.list(repository) for tag in one.tags]
    if reference not in known:
        changes = ["ENV PATH=/usr/local/bin:/usr/bin:/bin", f"ENV LD_LIBRARY_PATH={content.library_path()}"]
        client.api.timeout = 120
        client.api.import_image_from_data(content.tar(), *reference.rsplit(":", 1), changes=changes)
        for old in known[OLDEST_KEPT:]:
            client.images.remove(old, force=True)
    return reference


def with_penstock() -> Content:
    """This Python with Penstock, as it is here, and pip."""
    content = Content(PENSTOCK)
    for name in distributions("penstock") | distributions(*PIP):
        content.add_distribution(name)
    content.add_tree(Path(penstock.__file__).parent, f"{content.packages}/penstock", LEFT_OUT)
    return content.complete()


def with_prefect(prefect: Program) -> Content:
    """This Python with all that is installed beside a real Prefect; compiled, for a job imports a thousand modules."""
    content = Content(PREFECT)
    lines = "import sys, sysconfig; print(sys.version_info[:2] == {}, sysconfig.get_path('purelib'))"
    asked = [prefect.python, "-c", lines.format(tuple(sys.version_info[:2]))]
    same, folder = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()
    assert same == "True", f"{prefect.python} is of another version than {sys.executable}"
    content.add_tree(Path(sysconfig.get_path("stdlib")), f"usr/local/lib/{version()}", LEFT_OUT - {"__pycache__"})
    content.add_tree(Path(folder), content.packages, UNUSED_BY_PREFECT)
    return content.complete()


def version() -> str:
    """The name of this Python's program."""
    return f"python{sys.version_info.major}.{sys.version_info.minor}"


@dataclass
class Content:
    """What goes into an image: scripts with their text, and files by their path in it -> path here."""

    scripts: dict[str, str]
    files: dict[str, Path] = field(default_factory=dict)
    libraries: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.packages = f"usr/local/lib/{version()}/site-packages"
        self.files[f"usr/local/bin/{version()}"] = Path(sys.executable).resolve()
        self.add_tree(Path(sysconfig.get_path("stdlib")), f"usr/local/lib/{version()}", LEFT_OUT)
        for program in PROGRAMS:
            self.files[f"bin/{program}"] = Path(shutil.which(program) or f"/bin/{program}").resolve()

    def complete(self) -> Content:
        """Adds the libraries that all this needs."""
        for path in self._libraries():
            self.files[path.lstrip("/")] = Path(path).resolve()
            self.libraries.add(str(Path(path).parent))
        return self

    def add_tree(self, folder: Path, place: str, left_out: set[str]) -> None:
        """All files of a folder but those in folders of these names."""
        for root, folders, files in os.walk(folder):
            folders[:] = [one for one in folders if one not in left_out and not one.startswith("config-")]
            for name in files:
                if name.endswith(".pth"):
                    continue
                path = Path(root, name)
                self.files[f"{place}/{path.relative_to(folder)}"] = path

    def add_distribution(self, name: str) -> None:
        """The files of an installed package."""
        for file in metadata.distribution(name).files or []:
            path = Path(str(file.locate()))
            inside = not str(file).startswith("..") and "__pycache__" not in str(file)
            if inside and path.is_file() and path.suffix != ".pth":
                self.files[f"{self.packages}/{file}"] = path

    def _libraries(self) -> set[str]:
        """The shared libraries of all programs and extension modules, the loader too."""
        binaries = [str(path) for place, path in self.files.items() if ".so" in path.name or "bin/" in place]
        said = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False).stdout
        return {path for path in LIBRARY.findall(said) if Path(path).exists()}

    def library_path(self) -> str:
        return ":".join(sorted(self.libraries))

    def digest(self) -> str:
        """Of what is in the image, as far as sizes and times tell; of the compiled files that of their sources."""
        found = hashlib.sha256(repr(self.scripts).encode())
        for place, path in sorted(self.files.items()):
            if path.suffix == ".pyc":
                continue
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
                    told = path.stat()
                    archive.addfile(entry(place, told.st_size, told.st_mode, int(told.st_mtime)), file)
            for place, text in self._texts().items():
                archive.addfile(entry(place, len(text), 0o755), io.BytesIO(text.encode()))
            for alias in ("python3", "python"):
                archive.addfile(link(f"usr/local/bin/{alias}", version()))
        return buffer.getvalue()

    def _texts(self) -> dict[str, str]:
        return {
            **self.scripts,
            "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
            "etc/group": "root:x:0:\n",
            "etc/nsswitch.conf": "hosts: files dns\n",
        }


def folder(name: str) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    return found


def entry(place: str, size: int, mode: int, changed_at: int = 0) -> tarfile.TarInfo:
    """A file; compiled modules go by the moment at which their source was changed."""
    found = tarfile.TarInfo(place)
    found.size, found.mode, found.mtime = size, mode & 0o777, changed_at
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
