"""Runs experiments: code of a model, kept away from everything that it was not given."""

from .sandbox import Sandbox

__all__ = ["Sandbox"]
