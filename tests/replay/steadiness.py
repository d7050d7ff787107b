"""Steps whose answer differs when Prefect's own server is asked a second time.

Several programs spoke at once when the recordings were made, so the order of two requests, or what
somebody had done between two scenarios, is not in them. Found by replaying against Prefect 3.8.8
(`PENSTOCK_TEST_REPLAY=prefect`, or `python -m tests.replay --api ...` at a Prefect server, which
prints this table): what two runs of the same server disagree on says nothing about ours.
"""

UNSTEADY: dict[str, tuple[int, ...]] = {}
