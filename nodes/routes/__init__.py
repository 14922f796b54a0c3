"""The HTTP routes that Packshot adds to the host."""
