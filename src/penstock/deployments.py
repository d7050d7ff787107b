"""Deployments, by the names flow code imports: made from code, and their runs. All of it is in `penstock.sdk`."""

from penstock.sdk.deployables import RunnerDeployment, deploy, serve
from penstock.sdk.deployments import arun_deployment, run_deployment
from penstock.sdk.sources import GitRepository, RemoteStorage

__all__ = ["GitRepository", "RemoteStorage", "RunnerDeployment", "arun_deployment", "deploy", "run_deployment", "serve"]
