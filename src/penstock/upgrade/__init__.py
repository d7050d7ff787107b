"""From agents to workers: reads what there is, plans, proves and writes the change, and takes it back."""
