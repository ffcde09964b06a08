"""What posting is about."""


def post(values):
    """This books one entry."""
    return sorted(values)
