"""The lease of the run in this process, renewed from here too, so that a run outlives its worker."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time

from penstock.client.client import Client
from penstock.errors import PenstockError
from penstock.wire import dispatch
from penstock.wire.dispatch import Held, Renewal
from penstock.worker.facts import RunFacts

OWN_PART = 0.6
"""When a job renews for itself, as a part of the lease: late, as its worker most likely has, but in time."""
TRY_PART = 0.1
"""How long it waits for an answer, and after none: a connection that has gone silent must not cost it the lease."""

log = logging.getLogger("penstock.worker")


def keep_own_lease(client: Client, facts: RunFacts) -> None:
    """Renews the lease of the run in this process, from a thread, so that it outlives its worker.

    A run that was given to another ends itself, by force when it does not hear; one that is to be cancelled, and has
    no worker, ends itself too.
    """
    if facts.holder is None or facts.attempt is None:
        return
    held = Held(flow_run_id=facts.flow_run.id, attempt=facts.attempt)
    body = Renewal(worker_name=facts.holder, runs=[held], lease_seconds=facts.lease_seconds)

    def keep() -> None:
        wait, told = OWN_PART, False
        while True:
            time.sleep(facts.lease_seconds * wait)
            wait = OWN_PART
            try:
                answer = client.call(dispatch.renew_leases, body, timeout=facts.lease_seconds * TRY_PART)
            except PenstockError as error:
                log.warning("the lease of this run could not be renewed: %s", error.message)
                wait = TRY_PART
                continue
            if answer.lost or answer.cancelling:
                os.kill(os.getpid(), signal.SIGKILL if told else signal.SIGTERM)
                told = bool(answer.lost)

    threading.Thread(target=keep, name="penstock-lease", daemon=True).start()
