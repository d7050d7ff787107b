"""Blocks, by the name flow code imports; all of it is `penstock.sdk.blocks`."""

from penstock.sdk.block_schemas import SecretStr
from penstock.sdk.blocks import JSON, Block, Secret, String

__all__ = ["JSON", "Block", "Secret", "SecretStr", "String"]
