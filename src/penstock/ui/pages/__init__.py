"""The pages: one module for each noun, found by `ui.routes`."""
