"""What other systems said, in JSON: incidents and alerts, status pages' events, pre-aggregated log patterns.

See `notice_records` for the shapes. The earliest alert gives a case its title and its time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .change_join import ChangeJoin, Origin
from .json_records import head_records, iterate_json
from .notice_records import kind_of, row_of
from .shaped_changes import shaped
from .values import ItemCounter, text_of

# Where documents keep their records.
_LISTS: Final = (
    "alerts", "data.alerts", "incidents", "events", "messages", "scheduled_maintenances", "components", "patterns",
    "log_patterns", "items", "notifications", "results", "data",
)  # fmt: skip


def sniff(head: Head) -> float:
    """Records that are alerts, status events or log patterns."""
    certainties = [kind_of(record.value, record.members)[1] for record in head_records(head, _LISTS)]
    certain = [certainty for certainty in certainties if certainty]
    return sum(certain) / len(certainties) if 2 * len(certain) >= len(certainties) > 0 else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read notices; ids that several of a file share are told apart by a number."""
    join = ChangeJoin(writer)
    for file in files:
        items = ItemCounter()
        taken: Counter[str] = Counter()
        for record in iterate_json(file, writer, _LISTS):
            # Deploys are marked where alerts are kept, too.
            marked = shaped(record.value, record.members) if isinstance(record.value, dict) else None
            if marked is not None and marked.rows:
                origin = Origin(file.source_id, record.line, record.offset, text_of(record.value)[:200])
                for change in marked.rows:
                    join.add(change, origin, items.of(record.line))
                continue
            row = row_of(record.value, record.members) if isinstance(record.value, dict) else None
            if row is None:
                reason = "neither an alert, a status event nor a log pattern"
                writer.reject(file.source_id, record.line, reason, text_of(record.value), record.offset)
                continue
            taken[row["id"]] += 1
            if taken[row["id"]] > 1:
                row["id"] = f"{row['id']}~{taken[row['id']]}"
            place = {"source_id": file.source_id, "line": record.line, "item": items.of(record.line)}
            writer.rows("notices", [{**row, **place}])
    join.end()


READER = Reader("notices-json", "notices", sniff, read)
