"""The run's memory on disk: items, attempts, audit and lease in one SQLite file."""
