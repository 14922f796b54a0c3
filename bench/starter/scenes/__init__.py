"""The drawn products that the starter model learns from, and their captions."""
