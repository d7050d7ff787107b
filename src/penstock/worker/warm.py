"""Everything that nearly every run imports or works out sooner or later, done before there is a run.

The parent of forked jobs imports this module; what is done here is done in no job again. It opens nothing
and starts no thread.
"""

from __future__ import annotations

import asyncio
import encodings.idna  # what a first look-up of a host name imports
import pickle

import msgspec

from penstock.client import transport
from penstock.sdk import reporting, results, runtime, task, task_engine
from penstock.sdk.runners import threads
from penstock.wire import flow_runs
from penstock.worker import job
from penstock.worker.facts import RunFacts

transport.load_early()
for kind in (RunFacts, flow_runs.set_flow_run_state.returns):
    msgspec.json.Decoder(kind)  # works out the types, and keeps what it found with them
asyncio.run(asyncio.sleep(0))  # finds out what kind of event loop there is

__all__ = ["encodings", "job", "pickle", "reporting", "results", "runtime", "task", "task_engine", "threads"]
