"""What failing spans, exceptions and troubled log records say of pools: the table `pool_words`, a row a text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ...store import CaseStore, Row
from ..base import Scene, once_a_case
from ..timeline.names import mentions
from ..vocabulary.lexicon import kinds_of_text
from ..vocabulary.words import without_numbers

POOLS: Final[Mapping[str, str]] = {
    "pool_exhausted": "connection_pool_exhausted",
    "too_many_connections": "connection_pool_exhausted",
    "worker_exhausted": "thread_pool_exhausted",
}
"""Kinds of trouble (`vocabulary/lexicon.py`) that say that a pool is empty, with the mechanism."""
# What any such message has in it: the lexicon then reads the few hundred texts that pass.
_LIKELY: Final = "(?i)pool|connection|worker|thread|executor|queue|capacity|slot|clients|pending|handler"
_SHAPE: Final = without_numbers("said")


@once_a_case
def starving_texts(scene: Scene) -> dict[tuple[str, str], list[str]]:
    """By service and kind of pool, the shapes of what is said of its own that is empty; rows are in `pool_words`."""
    shapes: dict[tuple[str, str], list[str]] = {}
    for row in _texts(scene.store):
        kind = next((kind for kind in kinds_of_text(row["text"]) if kind in POOLS), None)
        if kind is not None and not mentions(row["text"], scene.graph.services, row["service"]):
            shapes.setdefault((row["service"], kind), []).append(row["shape"])
    return shapes


def _texts(store: CaseStore) -> list[Row]:
    """Make the table; from it, a text a service and shape."""
    store.derive(
        "pool_words",
        f"""
        SELECT service, trace_id, span_id, time_ns, said, {_SHAPE} AS shape, source_id, line, item FROM (
            SELECT service, trace_id, span_id, start_ns AS time_ns, status_message AS said,
                   source_id, line, item
            FROM spans WHERE status = 'error' AND match(status_message, {{likely:String}})
            UNION ALL
            SELECT service, trace_id, span_id, time_ns, attributes['exception.message'] AS said, source_id, line, item
            FROM span_events WHERE name = 'exception' AND match(attributes['exception.message'], {{likely:String}})
            UNION ALL
            SELECT service, trace_id, '' AS span_id, time_ns, substring(body, 1, 400) AS said, source_id, line, item
            FROM logs WHERE severity IN ('warn', 'error', 'fatal') AND match(body, {{likely:String}})
        ) WHERE trace_id != ''
        """,
        "service LowCardinality(String), trace_id String, span_id String, time_ns Int64, said String, "
        "shape String, source_id UInt32, line UInt64, item UInt32",
        likely=_LIKELY,
    )
    return store.query(
        """
        SELECT service, shape, min(said) AS text FROM pool_words
        GROUP BY service, shape ORDER BY service, shape LIMIT 500
        """
    )
