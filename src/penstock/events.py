"""Events of the user's own, by the name flow code imports; all of it is `penstock.sdk.events`."""

from penstock.sdk.events import emit_event

__all__ = ["emit_event"]
