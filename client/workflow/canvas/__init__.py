"""The canvas file, opened and converted to what the host runs, as the frontend does it."""
