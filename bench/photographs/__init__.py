"""Photographs of products that do not exist, path-traced by Blender's Cycles: what ``examples/photographs/`` holds."""
