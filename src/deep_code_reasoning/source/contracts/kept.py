"""What was read of a repository, kept beside the source index under all that it was read from.

Most of the work is to follow names through a repository's files, and not to parse them: so it is the contracts of a
repository that are kept, under the ids of its files, what the deployment gives its services, and the rules themselves.
Another revision, folder or clone with the same files, under the same name, costs nothing; what differs is read anew.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from ..database import IndexFile, naming
from ..roots import Skipped
from .records import Contract

# Readings that are kept, the newest: some hundred kilobytes each of a large repository.
MAX_KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read of a repository: its contracts, how many files of code, and which were skipped."""

    contracts: tuple[Contract, ...]
    files: int
    skipped: tuple[Skipped, ...]


class KeptReadings(IndexFile):
    """The readings in the file of the source index."""

    def find(self, key: str) -> Reading | None:
        """The reading that is kept under a key."""
        with naming(self._path):
            row = self._db.execute("SELECT found FROM readings WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        contracts, files, skipped = json.loads(row[0])
        return Reading(tuple(Contract(*each) for each in contracts), files, tuple(Skipped(*each) for each in skipped))

    def keep(self, key: str, reading: Reading) -> None:
        """Keep a reading; the oldest make room."""
        found = (list(map(astuple, reading.contracts)), reading.files, list(map(astuple, reading.skipped)))
        with naming(self._path):
            self._db.execute("INSERT OR REPLACE INTO readings (key, found) VALUES (?, ?)", (key, json.dumps(found)))
            self._db.execute("DELETE FROM readings WHERE id <= (SELECT max(id) FROM readings) - ?", (MAX_KEPT,))


def key_of(read_from: Mapping[str, Any] | Sequence[Any]) -> str:
    """The key of what is read from these values, by the rules as they are."""
    said = json.dumps([written_rules(), read_from], sort_keys=True)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()


@cache
def written_rules() -> str:
    """What all rules say: other rules read other contracts out of the same files."""
    found = hashlib.sha256()
    for module in sorted(Path(__file__).parents[1].rglob("*.py")):
        found.update(module.read_bytes())
    return found.hexdigest()
