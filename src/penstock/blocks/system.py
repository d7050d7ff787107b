"""The blocks that need no service: a secret, a JSON value, a text."""

from penstock.sdk.blocks import JSON, Secret, String

__all__ = ["JSON", "Secret", "String"]
