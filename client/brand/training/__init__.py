"""The recipe of a LoRA training, its metadata, and settings for other trainers."""
