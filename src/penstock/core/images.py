"""What the name of a container image says, and whether an image fits where it is to run."""

from __future__ import annotations

from penstock.core.pool_types import pushed_kind

PUSHED_PLATFORM = "linux/amd64"
"""What the clouds of push pools run, unless told otherwise."""

_SAME = {"x86_64": "amd64", "amd64": "amd64", "x64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def split_image(reference: str) -> tuple[str, str | None]:
    """The name, and the tag if there is one; a digest stays with the name."""
    if "@" in reference:
        return reference, None
    place, slash, last = reference.rpartition("/")
    name, colon, tag = last.partition(":")
    return f"{place}{slash}{name}", tag if colon else None


def architecture_doubt(pool_type: str, platform: str | None, machine: str) -> str | None:
    """What to say when an image that is built here would not start in a push pool; `machine` is this one's kind."""
    here = _SAME.get(machine.lower(), machine.lower())
    if pushed_kind(pool_type) is None or platform or here == "amd64":
        return None
    return (
        f"this machine builds {here} images, and pools of type {pool_type} run {PUSHED_PLATFORM}: "
        f"add platform: {PUSHED_PLATFORM} to the build step."
    )
