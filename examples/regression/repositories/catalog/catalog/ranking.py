"""What ranking is about."""


from .text import normalise


def sort_results(rows, term=""):
    """Order what was found: the best first."""
    wanted = normalise(term)
    return sorted(rows, key=lambda row: score(row, wanted), reverse=True)


def score(row, wanted):
    """How well a product fits."""
    return (wanted in row["name"].lower(), -row["rank"])
