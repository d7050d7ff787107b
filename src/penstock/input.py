"""Inputs of flow runs, by the name flow code imports; all of it is `penstock.sdk.run_inputs`."""

from penstock.sdk.run_inputs import RunInput, asend_input, receive_input, send_input

__all__ = ["RunInput", "asend_input", "receive_input", "send_input"]
