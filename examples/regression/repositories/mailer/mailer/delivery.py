"""What delivery is about."""


def deliver(values):
    """This hands a mail over."""
    return sorted(values)
