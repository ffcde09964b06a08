"""What templates is about."""


def render(values):
    """This fills in a template."""
    return sorted(values)
