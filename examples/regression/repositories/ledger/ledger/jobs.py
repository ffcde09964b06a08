"""What jobs is about."""


def daily_report(values):
    """This adds up the day."""
    return sorted(values)
