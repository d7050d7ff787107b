"""Images, by the name flow code imports; all of it is `penstock.sdk.images`."""

from penstock.sdk.images import DockerImage

__all__ = ["DockerImage"]
