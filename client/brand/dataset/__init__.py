"""Training pictures and their captions, checked before a GPU is spent on them."""
