"""Runs of deployments, by the name flow code imports; all of it is `penstock.sdk.deployments`."""

from penstock.sdk.deployments import arun_deployment, run_deployment

__all__ = ["arun_deployment", "run_deployment"]
