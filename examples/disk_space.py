"""A scheduled look at the disk, every hour; it fails when there is too little room."""

from __future__ import annotations

import shutil
from pathlib import Path

from penstock import flow, get_run_logger, task


@task(retries=1, retry_delay_seconds=5)
def free_share(folder: Path) -> float:
    """The free part of the disk that holds the folder, from 0 to 1."""
    usage = shutil.disk_usage(folder)
    return usage.free / usage.total


@flow
def disk_space(folder: Path = Path("/"), least: float = 0.05) -> float:
    """The free part of the disk. Raises RuntimeError when it is below `least`."""
    share = free_share(folder)
    get_run_logger().info("%.1f %% of the disk with %s is free", share * 100, folder)
    if share < least:
        raise RuntimeError(f"only {share:.1%} of the disk with {folder} is free")
    return share


if __name__ == "__main__":
    disk_space()
