"""Catalogues: from a product table to finished, checked pictures, and a run that survives its host and its power."""
