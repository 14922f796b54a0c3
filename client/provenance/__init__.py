"""What a picture says of itself: written into it as XMP and as a signed C2PA manifest, and read back."""
