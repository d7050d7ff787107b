"""Jobs as processes of this machine, forked from a parent that has everything imported."""
