"""Text in pictures: its fonts, its lines and its glyphs."""
