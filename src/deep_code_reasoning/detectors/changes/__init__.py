"""Which change can have done it: diffs, what they do, and whether that fits what is seen."""
