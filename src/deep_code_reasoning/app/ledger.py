"""Where the ledger is: $DCR_LEDGER_URL, else a file in the program's home."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..store.library import home

if TYPE_CHECKING:
    from ..ledger import Ledger


def open_ledger() -> Ledger:
    """Open the ledger; it is made when it is not there. Use it in a `with` block.

    Raises:
        UsageError: when DCR_LEDGER_URL names no database that we can reach.
        LedgerError: when the database fails, or is of a newer version.
    """
    from ..ledger import Ledger  # the database's library takes a third of a second to load

    return Ledger(os.environ.get("DCR_LEDGER_URL") or home() / "ledger.db", rescue=home() / "unrecorded-calls.jsonl")
