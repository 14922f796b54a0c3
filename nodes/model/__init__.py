"""Nodes that load, encode, control and sample a model by its card."""
