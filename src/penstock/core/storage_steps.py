"""Where an old deployment's code comes from, as pull steps: storage blocks and folders of the agent generation.

A step that needs no block of the old generation is preferred; where there is none, the block itself is pulled. Secrets
are never written into steps: they go into a block of today's type, or stay where they are and are referred to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from penstock.core.block_schemas import HIDDEN
from penstock.core.infrastructure_blocks import SPELT, Remark, Severity
from penstock.core.upgrade_plans import NewBlock, Taken
from penstock.wire.blocks import BlockDocument

STEPS = "prefect.deployments.steps"
AWS, GCP, AZURE = (f"prefect_{cloud}.deployments.steps" for cloud in ("aws", "gcp", "azure"))
LOCAL = "local-file-system"
PULLED = "pull_code"
"""The id of a step whose folder a later one refers to."""
INSIDE = re.compile(r"key|secret|token|password|connection|credential|sas", re.IGNORECASE)
"""Names of settings that open something."""
ABSOLUTE = re.compile(r"/|[A-Za-z]:[\\/]|~")
COMMIT = re.compile(r"[0-9a-f]{40}")
PACKAGES = {"s3": "aws", "gs": "gcp", "az": "azure", "smb": "smb"}
"""The extra that brings what each kind of storage is read with."""

Step = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Code:
    """Pull steps in the making, the blocks that they need, and what there is to say about them."""

    storage: BlockDocument | None
    path: str
    """The folder within the storage; empty for all of it."""
    is_contained: bool = False
    """Whether each run has files of its own anyway."""
    steps: list[Step] = field(default_factory=list)
    blocks: list[NewBlock] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    @property
    def data(self) -> Mapping[str, Any]:
        """The storage block's fields."""
        return self.storage.data if self.storage else {}

    @property
    def slug(self) -> str:
        """The storage block's type."""
        return self.storage.block_type.slug if self.storage and self.storage.block_type else ""

    @property
    def name(self) -> str | None:
        """The storage block's name; None when it is anonymous."""
        return self.storage.name if self.storage and not self.storage.is_anonymous else None

    @property
    def stem(self) -> str:
        """What new blocks are named after."""
        return self.name or f"unnamed-{str(self.storage and self.storage.id)[:8]}"

    def add(self, package: str, step: str, **inputs: Any) -> None:
        """One more step; inputs that are None are left out."""
        self.steps.append({f"{package}.{step}": {key: one for key, one in inputs.items() if one is not None}})

    def say(self, code: str, severity: Severity, place: str, sentence: str, way_out: str) -> None:
        """Puts it into the report."""
        self.remarks.append(Remark(code, severity, place, sentence, way_out))

    def go_into(self, folder: str) -> None:
        """Goes to a folder of what the step before pulled."""
        if folder:
            [inputs] = self.steps[-1].values()
            self.steps[-1] = {name: {"id": PULLED, **inputs} for name in self.steps[-1]}
            self.add(STEPS, "set_working_directory", directory=f"{{{{ {PULLED}.directory }}}}/{folder}")

    def new_block(self, slug: str, suffix: str, **data: Any) -> str:
        """A block of today's type made of fields of the old one; gives the placeholder that stands for it."""
        kept = {key: one for key, one in data.items() if one is not None}
        made = NewBlock(type_slug=slug, name=_block_name(f"{self.stem}-{suffix}"), data=kept)
        self.blocks.append(made)
        return f"{{{{ prefect.blocks.{slug}.{made.name} }}}}"

    def taken(self, place: str) -> Taken | None:
        """The secret in a field, to be read when it is written elsewhere; None where there is none."""
        return Taken(self.storage.id, place) if self.storage and self.data.get(place) else None

    def named(self, place: str) -> Any:
        """The block in a field as a placeholder, or as a reference where a placeholder can't spell its name; None when
        it has no name."""
        found = self.storage.block_document_references.get(place, {}) if self.storage else {}
        inner = found.get("block_document") or {}
        slug = (inner.get("block_type") or {}).get("slug")
        if not slug or inner.get("is_anonymous") or not inner.get("name"):
            return None
        if not SPELT.fullmatch(inner["name"]):
            return {"$ref": {"block_document_id": str(inner["id"])}}
        return f"{{{{ prefect.blocks.{slug}.{inner['name']} }}}}"


def code_steps(
    entrypoint: str | None, path: str | None, storage: BlockDocument | None, *, is_contained: bool = False
) -> Code:
    """The pull steps for what agents copied before a run; none where they copied nothing.

    A flow that is named as a module is imported from where it is installed. Runs in containers are `is_contained`.
    """
    code = Code(storage, path or "", is_contained)
    if storage and not (code.slug == LOCAL and ABSOLUTE.match(code.path)):
        code.path = _inner(code.path)
    if not entrypoint:
        code.say(
            "C08",
            Severity.ERROR,
            "entrypoint",
            "The deployment has no entrypoint, as those of the first Prefect 2 that had a manifest.",
            "Deploy its flow anew, or set its `entrypoint`, such as flows/etl.py:etl.",
        )
    elif ":" not in entrypoint:
        code.say(
            "C09",
            Severity.NOTE,
            "entrypoint",
            f"The flow is imported as the module {entrypoint!r}; no code is fetched for it.",
            "Nothing to do, as long as the module is installed where workers start jobs.",
        )
    elif storage is None:
        _folder(code)
    else:
        _KINDS.get(code.slug, _any)(code)
    return code


def _folder(code: Code) -> None:
    if code.path not in ("", "."):
        code.add(STEPS, "set_working_directory", directory=code.path)
        _say_in_place(code)


def _say_in_place(code: Code) -> None:
    if code.is_contained:
        return
    code.say(
        "C20",
        Severity.NOTE,
        "pull_steps",
        "Agents of Prefect copied this folder for each run; workers go into it, and what a run writes there stays.",
        "Nothing to do, unless flows write beside their code.",
    )


def _local(code: Code) -> None:
    place = str(code.data.get("basepath") or "")
    if not ABSOLUTE.match(place):
        _any(code)
        return
    inside = code.path if ABSOLUTE.match(code.path) else "/".join(filter(None, [place.rstrip("/"), code.path]))
    code.add(STEPS, "set_working_directory", directory=inside or "/")
    _say_in_place(code)
    _say_upload(code)


def _remote(code: Code) -> None:
    settings = code.data.get("settings") or {}
    hidden = [name for name, one in settings.items() if _opens(name, one)]
    if hidden and not (code.name and SPELT.fullmatch(code.name)):
        _any(code)
        return
    shown = {name: one for name, one in settings.items() if name not in hidden}
    secret = {name: f"{{{{ prefect.blocks.{code.slug}.{code.name}.settings.{name} }}}}" for name in hidden}
    url = "/".join(filter(None, [str(code.data.get("basepath") or "").rstrip("/"), code.path]))
    code.add(STEPS, "pull_from_remote_storage", url=url, **shown, **secret)
    if hidden:
        code.say(
            "C04",
            Severity.NOTE,
            "settings",
            f"The settings {', '.join(hidden)} would be readable in the step, so it refers to the block.",
            "Keep the block.",
        )
    _say_upload(code)
    _say_package(code, url.partition("://")[0])


def _opens(name: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_opens(inner, one) for inner, one in value.items())
    return isinstance(value, str) and (HIDDEN in value or bool(INSIDE.search(name)))


def _s3(code: Code) -> None:
    bucket, folder = _bucket(code, "s3")
    keys = {name: code.taken(name) for name in ("aws_access_key_id", "aws_secret_access_key")}
    credentials = code.new_block("aws-credentials", "s3", **keys) if any(keys.values()) else None
    code.add(AWS, "pull_from_s3", bucket=bucket, folder=folder, credentials=credentials)
    _say_package(code, "s3")


def _s3_bucket(code: Code) -> None:
    folder = _joined(code.data.get("bucket_folder"), code.path)
    _from_bucket(code, AWS, "pull_from_s3", "credentials", bucket=code.data.get("bucket_name"), folder=folder)
    _say_package(code, "s3")


def _gcs(code: Code) -> None:
    bucket, folder = _bucket(code, "gs")
    account = code.taken("service_account_info")
    project = code.data.get("project")
    made = code.new_block("gcp-credentials", "gcs", service_account_info=account, project=project) if account else None
    code.add(GCP, "pull_from_gcs", bucket=bucket, folder=folder, project=project, credentials=made)
    _say_package(code, "gs")


def _gcs_bucket(code: Code) -> None:
    folder = _joined(code.data.get("bucket_folder"), code.path)
    _from_bucket(code, GCP, "pull_from_gcs", "gcp_credentials", bucket=code.data.get("bucket"), folder=folder)
    _say_package(code, "gs")


def _azure(code: Code) -> None:
    """The step knows a connection string; an account's key and a service principal are the block's alone."""
    if code.data.get("azure_storage_connection_string") and not code.data.get("azure_storage_container"):
        container, folder = _bucket(code, "az")
        string = code.taken("azure_storage_connection_string")
        made = code.new_block("azure-blob-storage-credentials", "azure", connection_string=string)
        code.add(AZURE, "pull_from_azure_blob_storage", container=container, folder=folder, credentials=made)
        _say_package(code, "az")
        return
    _any(code)
    _say_package(code, "az")


def _azure_container(code: Code) -> None:
    folder = _joined(code.data.get("base_folder"), code.path)
    where = {"container": code.data.get("container_name"), "folder": folder}
    if code.named("credentials"):
        _from_bucket(code, AZURE, "pull_from_azure_blob_storage", "credentials", **where)
    else:
        _any(code)
    _say_package(code, "az")


def _from_bucket(code: Code, package: str, step: str, place: str, **where: Any) -> None:
    """With the credentials' own block, or with none where the machine has what it needs."""
    credentials = code.named(place)
    if credentials or not _says_something(code.data.get(place)):
        code.add(package, step, **where, credentials=credentials)
    else:
        _any(code)


def _says_something(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(_says_something(one) for one in value.values())
    return value not in (None, "", False, True)


def _smb(code: Code) -> None:
    _any(code)
    _say_upload(code)
    _say_package(code, "smb")


def _github(code: Code) -> None:
    token = code.taken("access_token")
    secret = code.new_block("secret", "github", value=token) if token else None
    _clone(code, str(code.data.get("repository") or ""), access_token=secret)


def _repository(code: Code) -> None:
    place = "bitbucket_credentials" if code.slug.startswith("bitbucket") else "credentials"
    credentials = code.named(place)
    if not credentials and _says_something(code.data.get(place)):
        _any(code)
        return
    address = code.data.get("repository_url") or code.data.get("repository") or ""
    _clone(code, str(address), credentials=credentials)


def _clone(code: Code, repository: str, **how: Any) -> None:
    point = code.data.get("reference")
    is_commit = bool(point and COMMIT.fullmatch(str(point)))
    where = {"commit_sha" if is_commit else "branch": point}
    code.add(STEPS, "git_clone", repository=repository, **where, **how)
    code.go_into(code.path)
    if code.data.get("include_git_objects") is False or (code.data.get("git_depth") or 1) != 1:
        code.say(
            "C06",
            Severity.NOTE,
            "pull_steps",
            "The block says how much of the repository's history comes along; the step always fetches one commit.",
            "Nothing to do, unless the flow looks at the history or must not see the folder .git.",
        )


def _any(code: Code) -> None:
    """The block itself: pulled by its name, or by that of a copy where it has none."""
    name = code.name
    if not name:
        name = _block_name(code.stem)
        code.blocks.append(NewBlock(type_slug=code.slug, name=name, data=_copied(code)))
        code.say(
            "C07",
            Severity.NOTE,
            "storage_document_id",
            f"The storage block has no name, which a step needs, so it is copied as {code.slug}/{name}.",
            "Nothing to do.",
        )
    code.add(STEPS, "pull_with_block", block_type_slug=code.slug, block_document_name=name)
    code.go_into(code.path)
    if code.slug not in _KINDS:
        code.say(
            "C21",
            Severity.WARNING,
            "pull_steps",
            f"Storage of type {code.slug!r} is read by a package of its own, which may be absent where jobs run.",
            "Install it there, or move the code to a storage that pull steps know.",
        )


def _copied(code: Code) -> dict[str, Any]:
    assert code.storage is not None
    done: dict[str, Any] = {}
    for key, one in code.data.items():
        inner = code.storage.block_document_references.get(key, {}).get("block_document") or {}
        if inner.get("id"):
            done[key] = {"$ref": {"block_document_id": str(inner["id"])}}
        else:
            done[key] = Taken(code.storage.id, key) if _is_hidden(one) else one
    return done


def _is_hidden(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_is_hidden, value.values()))
    return isinstance(value, str) and HIDDEN in value


def _say_upload(code: Code) -> None:
    code.say(
        "C05",
        Severity.NOTE,
        "pull_steps",
        f"`deployment build` uploaded code to storage of type {code.slug!r}; no push step does.",
        "Copy new code there by a run_shell_script step, or before each deploy.",
    )


def _say_package(code: Code, scheme: str) -> None:
    if extra := PACKAGES.get(scheme):
        code.say(
            "C21",
            Severity.NOTE,
            "pull_steps",
            "Where jobs run, code is read from this storage by a library of its own.",
            f"See to it that it is there: pip install 'penstock[{extra}]'",
        )


def _bucket(code: Code, scheme: str) -> tuple[str, str]:
    """The bucket, and the folder in it with the deployment's own."""
    where = str(code.data.get("bucket_path") or "").removeprefix(f"{scheme}://").strip("/")
    bucket, _, rest = where.partition("/")
    return bucket, _joined(rest, code.path)


def _joined(*parts: Any) -> str:
    return "/".join(str(part).strip("/") for part in parts if part and str(part).strip("/"))


def _inner(path: str | None) -> str:
    found = (path or "").strip("/")
    return "" if found == "." else found.removeprefix("./")


def _block_name(text: str) -> str:
    """As names of blocks must be: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


_KINDS: Mapping[str, Callable[[Code], None]] = {
    LOCAL: _local,
    "remote-file-system": _remote,
    "s3": _s3,
    "s3-bucket": _s3_bucket,
    "gcs": _gcs,
    "gcs-bucket": _gcs_bucket,
    "azure": _azure,
    "azure-blob-storage-container": _azure_container,
    "smb": _smb,
    "github": _github,
    "github-repository": _repository,
    "gitlab-repository": _repository,
    "bitbucket-repository": _repository,
}
