"""The dashboard: pages rendered by the server, with data through the API in this process."""
