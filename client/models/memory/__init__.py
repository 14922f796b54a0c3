"""How much memory a run needs, and by which means it fits."""
