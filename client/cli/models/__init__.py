"""``packshot models``."""
