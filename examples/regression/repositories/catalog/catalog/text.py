"""What text is about."""


import re

_SPACE = re.compile(r"\s+")


def normalise(term):
    """Make a search term comparable."""
    return _SPACE.sub(" ", term).strip().lower()
