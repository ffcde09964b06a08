"""The database of escalations, calls, outcomes, conversations; the only importer of its driver."""

from .ledger import Ledger

__all__ = ["Ledger"]
