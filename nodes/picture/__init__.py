"""Nodes for pictures: matte, composite, check and save."""
