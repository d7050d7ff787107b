"""Settings: every option by name, type and default, and where its value came from."""
