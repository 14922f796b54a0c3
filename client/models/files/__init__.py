"""Headers of weight files, read without loading a tensor."""
