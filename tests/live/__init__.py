"""Real programs for tests: servers, workers and command lines of Penstock and of Prefect, as processes."""
