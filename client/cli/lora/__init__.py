"""``packshot lora``."""
