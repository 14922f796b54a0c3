"""``packshot catalog``."""
