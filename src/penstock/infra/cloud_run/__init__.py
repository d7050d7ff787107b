"""Google Cloud Run: each job of a run is a job of Cloud Run with one execution."""

from penstock.infra.cloud_run.driver import CloudRun as CloudRun
from penstock.infra.cloud_run.driver import CloudRunV1 as CloudRunV1
