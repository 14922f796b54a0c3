"""Hostile inputs, a module for each trust boundary; `bench/trust.py` prints how many Packshot holds against."""
