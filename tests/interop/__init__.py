"""Penstock and a real Prefect 3.8.8 on two sides of the wire, in both directions."""
