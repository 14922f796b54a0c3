"""What a file of weights is, told by its header."""
