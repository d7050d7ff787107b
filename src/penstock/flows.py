"""Flows, by the name flow code imports; all of it is `penstock.sdk`."""

from penstock.sdk.deployables import serve
from penstock.sdk.entrypoints import load_flow as load_flow_from_entrypoint
from penstock.sdk.flow import Flow, flow

__all__ = ["Flow", "flow", "load_flow_from_entrypoint", "serve"]
