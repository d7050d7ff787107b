"""The base of all blocks."""

from penstock.sdk.blocks import Block

__all__ = ["Block"]
