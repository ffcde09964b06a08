"""The tables of a case and every query on them; the only importer of the analytical engine."""

from .case import CaseStore, open_case
from .engine import Row
from .writer import CaseWriter

__all__ = ["CaseStore", "CaseWriter", "Row", "open_case"]
