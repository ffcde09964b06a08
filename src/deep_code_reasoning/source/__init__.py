"""Code that may be read: roots, and what is found in them."""

from .roots import Roots, SourceFile

__all__ = ["Roots", "SourceFile"]
