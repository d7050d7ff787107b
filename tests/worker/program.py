"""A worker as a program of its own, so that it can be killed: options as JSON in the first argument."""

from __future__ import annotations

import json
import logging
import sys

from penstock.settings import load
from penstock.worker.options import WorkerOptions
from penstock.worker.worker import run_worker

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s %(message)s")
    sys.exit(run_worker(WorkerOptions(**json.loads(sys.argv[1])), load()))
