"""Measures Penstock beside the real Prefect, on the same machine, and keeps the budget table."""
