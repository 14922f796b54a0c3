"""The starter model: small enough to ship, in the formats of the large ones."""
