"""Penstock: flows, tasks, deployments, work pools. What users import, loaded when first asked for."""

__version__ = "0.1.0"
