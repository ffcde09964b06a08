"""Commits, deploys and flag changes in JSON: lists, lines, or documents around lists; content tells what they are.

See `change_records` for the shapes. Diffs are kept whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .change_records import kind_of, rows_of, unique
from .json_records import head_records, iterate_json
from .values import ItemCounter, text_of

# Where documents keep their records.
_LISTS: Final = (
    "commits", "deploys", "deployments", "releases", "rollouts", "flags", "feature_flags", "featureFlags",
    "flag_changes", "items", "values", "events", "executions", "history", "entries", "results", "data", "nodes",
    "data.repository.ref.target.history.nodes",
)  # fmt: skip


def sniff(head: Head) -> float:
    """Records that are commits, deploys or flag changes."""
    certainties = [kind_of(record.value)[1] for record in head_records(head, _LISTS)]
    certain = [certainty for certainty in certainties if certainty]
    return sum(certain) / len(certainties) if 2 * len(certain) >= len(certainties) > 0 else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read changes; ids that several deploys or flag changes of a file share are told apart by a number."""
    for file in files:
        taken: Counter[tuple[str, str]] = Counter()
        items = ItemCounter()
        for record in iterate_json(file, writer, _LISTS):
            rows = list(rows_of(record.value, record.members)) if isinstance(record.value, dict) else []
            if not rows:
                reason = "neither a commit, a deploy nor a flag change"
                writer.reject(file.source_id, record.line, reason, text_of(record.value), record.offset)
            for row in rows:
                place = {"source_id": file.source_id, "line": record.line, "item": items.of(record.line)}
                writer.rows("changes", [{**unique(row, taken), **place}])


READER = Reader("changes-json", "changes", sniff, read)
