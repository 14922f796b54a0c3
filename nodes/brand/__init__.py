"""Nodes for brand kits and LoRAs."""
