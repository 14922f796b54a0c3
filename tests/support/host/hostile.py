"""What a brand kit from a stranger may say. None of it may ever be read as HTML."""

HOSTILE = "<img src=x onerror=window.hacked=1>"
