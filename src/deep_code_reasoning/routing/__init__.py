"""Whether to ask a model, which one, and when to stop. Pure functions over what they are given: no I/O, no clock."""
