"""``packshot brand``."""
