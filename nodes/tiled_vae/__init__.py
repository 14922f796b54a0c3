"""The exact tiled VAE."""
