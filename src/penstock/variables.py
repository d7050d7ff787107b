"""Variables, by the name flow code imports; all of it is `penstock.sdk.variables`."""

from penstock.sdk.variables import Variable

__all__ = ["Variable"]
