"""What type checkers see of flows and tasks."""
