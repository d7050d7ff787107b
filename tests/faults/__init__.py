"""What happens when processes die, databases vanish and disks fill: with real processes, on both databases."""
