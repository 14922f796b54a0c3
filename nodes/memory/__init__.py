"""Nodes and wrappers that keep a run within the memory there is."""
