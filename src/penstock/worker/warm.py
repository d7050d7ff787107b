"""Everything that nearly every run imports sooner or later, imported before there is a run.

The parent of forked jobs imports this module; what is loaded here is loaded in no job again. It opens
nothing and starts no thread.
"""

from __future__ import annotations

import encodings.idna  # what a first look-up of a host name imports
import pickle

from penstock.client.transport import HttpTransport
from penstock.sdk import reporting, results, runtime, task, task_engine
from penstock.sdk.runners import threads
from penstock.worker import job

HttpTransport("http://127.0.0.1").close()  # imports the HTTP library

__all__ = ["encodings", "job", "pickle", "reporting", "results", "runtime", "task", "task_engine", "threads"]
