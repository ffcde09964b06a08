"""Commits, deploys and flag changes in JSON: lists, lines, or documents around lists; content tells what they are.

See `change_shapes` and `change_records` for what is understood. Diffs are kept whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Reader
from .change_join import ChangeJoin, Origin
from .change_records import NEITHER, Row, kind_of, rows_of
from .json_records import head_records, iterate_json
from .values import ItemCounter, text_of

# Where documents keep their records.
_LISTS: Final = (
    "commits", "deploys", "deployments", "deployment_statuses", "releases", "rollouts", "flags", "feature_flags",
    "featureFlags", "flag_changes", "workflow_runs", "runs", "workflows", "jobs", "pipelines", "builds",
    "change_events", "markers", "annotations", "deploymentsInfo", "serviceDeployments", "services", "Records", "Events",
    "items", "values", "events", "executions", "history", "entries", "results", "data", "nodes",
    "data.repository.ref.target.history.nodes", "data.repository.deployments.nodes",
)  # fmt: skip
_MAX_DEPTH: Final = 10


def sniff(head: Head) -> float:
    """Records that are commits, deploys or flag changes."""
    records = [value for record in head_records(head, _LISTS) for value, _, _ in _changes(record.value, record.members)]
    certainties = [kind_of(record)[1] for record in records]
    certain = [certainty for certainty in certainties if certainty]
    return sum(certain) / len(certainties) if 2 * len(certain) >= len(certainties) > 0 else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read changes; ids that several deploys or flag changes of a file share are told apart by a number."""
    join = ChangeJoin(writer)
    for file in files:
        items = ItemCounter()
        for record in iterate_json(file, writer, _LISTS):
            for value, rows, reason in _changes(record.value, record.members):
                if not rows:
                    writer.reject(file.source_id, record.line, reason, text_of(value), record.offset)
                origin = Origin(file.source_id, record.line, record.offset, text_of(value)[:200])
                for row in rows:
                    join.add(row, origin, items.of(record.line))
    join.end()


def _changes(value: Any, around: Mapping[str, Any], depth: int = 0) -> Iterator[tuple[Any, list[Row], str]]:
    """The records in a value, with their rows or the reason why there are none: itself, or those within it.

    Exports come in envelopes of any kind (pages of pages, a webhook's event around its object).
    """
    if isinstance(value, list) and value and depth < _MAX_DEPTH:
        for item in value:
            yield from _changes(item, around, depth + 1)
        return
    rows, reason = rows_of(value, around) if isinstance(value, dict) else ([], NEITHER)
    if reason == NEITHER and isinstance(value, dict) and depth < _MAX_DEPTH:
        parts = filter(_holds_objects, value.values())
        # What stands beside a change in an envelope (the repository, who sent it) is no record.
        inner = [
            found
            for part in parts
            for found in _changes(part, value, depth + 1)
            if found[2] != NEITHER or (isinstance(part, list) and isinstance(found[0], dict))
        ]
        if any(why != NEITHER for _, _, why in inner):
            yield from inner
            return
    yield value, rows, reason


def _holds_objects(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and any(isinstance(item, dict | list) for item in value))


READER = Reader("changes-json", "changes", sniff, read)
