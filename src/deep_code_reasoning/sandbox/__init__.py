"""Runs experiments: code of a model, kept away from everything that it was not given."""
