"""How workers get the code: out of git, or out of a bucket that the deploy fills."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from penstock.deploy.git import git_says
from penstock.deploy.wizard.answers import Answers, NewBlock, Scene, knows_type
from penstock.deploy.wizard.asker import Asker, Choice, something
from penstock.deploy.wizard.images import block_part
from penstock.errors import StepFailed
from penstock.steps.repositories import repository
from penstock.wire import blocks
from penstock.wire.blocks import BlockDocument

GIT = "git"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A kind of storage: its steps, what it calls its place, and the type of its credentials."""

    title: str
    push: str
    pull: str
    place: str
    credentials: str


BUCKETS = {
    "s3": Bucket("Amazon S3", "push_to_s3", "pull_from_s3", "bucket", "aws-credentials"),
    "gcs": Bucket("Google Cloud Storage", "push_to_gcs", "pull_from_gcs", "bucket", "gcp-credentials"),
    "azure": Bucket(
        "Azure Blob Storage",
        "push_to_azure_blob_storage",
        "pull_from_azure_blob_storage",
        "container",
        "azure-blob-storage-credentials",
    ),
}


def ask_storage(asker: Asker, scene: Scene, answers: Answers) -> None:
    """Where the code is, unless steps say it or an image brings it along."""
    said = "pull" in answers.values or scene.manifest.steps.get("pull") or "push" in answers.values
    if said or answers.code_in_image:
        return
    remote = git_says(scene.folder, "remote", "get-url", "origin") or ""
    kinds = _kinds(scene, remote)
    if not kinds or not asker.confirm("Fetch the code from storage?", default=True):
        asker.tell(f"Runs start in {scene.folder}, so workers must have it.")
        return
    kind = asker.choose("Storage", kinds) if len(kinds) > 1 else kinds[0].value
    if kind == GIT:
        _ask_git(asker, scene, answers, remote)
    else:
        _ask_bucket(asker, scene, answers, BUCKETS[kind])


def _kinds(scene: Scene, remote: str) -> list[Choice[str]]:
    """Git where there is a remote, and the buckets that somebody has stored credentials for."""
    git = [Choice(GIT, (GIT, without_secret(remote)))] if remote else []
    usable = [Choice(name, (name, bucket.title)) for name, bucket in BUCKETS.items() if _credentials(scene, bucket)]
    return [*git, *usable]


def _credentials(scene: Scene, bucket: Bucket) -> list[BlockDocument]:
    if not knows_type(scene.client, bucket.credentials):
        return []
    found = scene.client.call(blocks.documents_of_block_type, slug=bucket.credentials)
    return [one for one in found if one.name]


def _ask_git(asker: Asker, scene: Scene, answers: Answers, remote: str) -> None:
    url = asker.text("Repository", default=without_secret(remote), check=_address)
    branch = asker.text("Branch", default=git_says(scene.folder, "branch", "--show-current") or "main", check=something)
    step: dict[str, Any] = {"repository": url, "branch": branch}
    if url.startswith("http") and asker.confirm("Is it private?", default=False):
        block = NewBlock("secret", _token_name(answers), {"value": asker.secret("Access token")})
        answers.new_blocks.append(block)
        step["access_token"] = block.reference
    _warn_of_unpushed(asker, scene.folder)
    answers.values["pull"] = [{"penstock.steps.git_clone": step}]


def _token_name(answers: Answers) -> str:
    flow = answers.facts.name if answers.facts else ""
    return f"deployment-{block_part(answers.name)}-{block_part(flow)}-repo-token"


def _warn_of_unpushed(asker: Asker, folder: Path) -> None:
    """Workers run what is in the remote, not what is here."""
    if git_says(folder, "status", "--porcelain"):
        asker.tell("There are changes that are not committed; workers will not have them until they are pushed.")
    elif git_says(folder, "log", "--oneline", "@{upstream}.."):
        asker.tell("There are commits that are not pushed; workers will not have them until they are.")


def _ask_bucket(asker: Asker, scene: Scene, answers: Answers, bucket: Bucket) -> None:
    place = asker.text(bucket.place.capitalize(), check=something)
    folder = asker.text("Folder in it", default=f"{scene.folder.name}/{answers.name}", check=_folder)
    stored = [Choice(str(one.name), (str(one.name), bucket.credentials)) for one in _credentials(scene, bucket)]
    name = asker.choose("Credentials", stored)
    reference = f"{{{{ prefect.blocks.{bucket.credentials}.{name} }}}}"
    said = {bucket.place: place, "folder": folder, "credentials": reference}
    answers.values["push"] = [{f"penstock.steps.{bucket.push}": {"id": "push-code", **said}}]
    there = {key: f"{{{{ push-code.{key} }}}}" for key in (bucket.place, "folder")}
    answers.values["pull"] = [{f"penstock.steps.{bucket.pull}": {**there, "credentials": reference}}]


def _folder(text: str) -> str:
    return something(text).strip("/")


def _address(text: str) -> str:
    """The address, if git could be given it; a secret in it belongs into a block."""
    try:
        return repository(something(text)).url
    except StepFailed as error:
        raise ValueError(error.message) from None


def without_secret(remote: str) -> str:
    """A remote's address without user and password, unless it is reached by ssh."""
    parts = urlsplit(remote)
    if parts.scheme not in ("http", "https"):
        return remote
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
