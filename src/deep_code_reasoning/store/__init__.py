"""The tables of a case and every query on them; the only importer of the analytical engine."""

from .case import CaseStore, open_case
from .deployed import WENT_LIVE
from .engine import Row
from .writer import CaseWriter

__all__ = ["WENT_LIVE", "CaseStore", "CaseWriter", "Row", "open_case"]
