"""Models as data: cards, files, licences and what they need of memory."""
