"""Makes a deployment as scripts of the agent generation did; only read, never run."""

from flows.etl import etl
from prefect.deployments import Deployment

Deployment.build_from_flow(flow=etl, name="scripted").apply()
