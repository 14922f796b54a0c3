"""``packshot workflow``."""
