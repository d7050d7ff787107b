"""Replays recorded conversations of real Prefect programs against a live server and compares the answers."""
