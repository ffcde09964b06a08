"""What is said that is new: log messages, errors of spans and exceptions, each once, with how often it is said."""

from __future__ import annotations

from typing import Final

from ...domain.citation import Citation, log_citation, span_citation
from ...domain.window import Window
from ...store import CaseStore
from ...store.engine import Row
from ..base import Scene, once_a_case
from ..timeline.services import service_names
from ..timeline.span_facts import span_facts
from ..vocabulary.words import without_numbers
from .calm import FORERUN_NS, calm_until
from .chatter import Said, beyond_chatter
from .symptom import Text

# Kept small: what is said by one in a thousand templates decides nothing, and every text is matched against every kind.
_MAX_TEXTS: Final = 300
_TROUBLE: Final = (
    "(?i)error|exception|fail|panic|fatal|timed? ?out|refused|denied|exhaust|reject|oom|killed|deadlock|"
    "unavailable|exceeded|throttl"
)


@once_a_case
def new_texts(scene: Scene) -> tuple[Text, ...]:
    """Log messages and span errors that the calm window hardly knows, the most frequent first."""
    longer = _length_ratio(scene)
    # What was said before at half the present rate or more is how the system always talks.
    return tuple(
        text for text, bad, calm in _texts(scene) if text.first_ns and (not calm or bad >= 2 * max(1.0, calm * longer))
    )


@once_a_case
def telling_texts(scene: Scene) -> tuple[Text, ...]:
    """The new texts of which more is heard than such a system says at any time (`chatter.py`)."""
    calm = [Said(text, calm) for text, _, calm in _texts(scene) if calm]
    services = len(service_names(scene.store))
    return beyond_chatter(new_texts(scene), calm, _length_ratio(scene), services)


@once_a_case
def _texts(scene: Scene) -> tuple[tuple[Text, int, int], ...]:
    """What is said, with how often in the incident and in calm; `first_ns` is 0 where it is said in calm alone."""
    store, told = scene.store, _told_calm(scene)
    # A statement of all three takes the engine as long to understand as all else here takes.
    fails = span_facts(store).failed or store.may_say("spans", ["error"])
    parts = {_LOG_TEXTS: store.count("logs"), _SPAN_TEXTS: fails, _EVENT_TEXTS: store.count("span_events")}
    if not any(parts.values()):
        return ()
    texts = " UNION ALL ".join(select for select, is_there in parts.items() if is_there)
    rows = store.query(
        f"SELECT * FROM ({texts}) ORDER BY bad DESC, first_ns, service, text",
        onset=scene.windows.onset.start_ns,
        since=told.start_ns,
        early=told.end_ns,
        trouble=_TROUBLE,
        limit=_MAX_TEXTS,
    )
    return tuple(
        (
            Text(
                row["service"],
                row["text"],
                row["level"] or "error",
                max(1, int(row["bad"])),
                int(row["first_ns"]),
                (_cite_text(store, row),),
            ),
            int(row["bad"]),
            int(row["calm"]),
        )
        for row in rows
    )


def _cite_text(store: CaseStore, row: Row) -> Citation:
    if row["span_id"]:
        return span_citation(row["trace_id"], row["span_id"])
    return log_citation(store.source(int(row["source_id"])).name, int(row["line"]), int(row["item"]))


def _told_calm(scene: Scene) -> Window:
    """The calm of which logs and spans both tell, as far as it surely lasts.

    Metrics go back for hours where those were kept for minutes. What is said is dated to the moment, and what was said
    long before the onset was no part of it.
    """
    calm = scene.windows.baseline
    ranges = [found for table in ("logs", "spans") if (found := scene.store.time_range(table)) is not None]
    since_ns = max([calm.start_ns, *(found.start_ns for found in ranges if found.start_ns < calm.end_ns)])
    surely_ns = scene.windows.onset.start_ns - FORERUN_NS
    return Window(since_ns, max(surely_ns, calm_until(Window(since_ns, calm.end_ns))))


def _length_ratio(scene: Scene) -> float:
    """How many times as long as the calm of which is told the incident is."""
    calm = _told_calm(scene).seconds
    return scene.windows.incident.seconds / calm if calm > 0 else 1.0


_COUNTS: Final = """
       countIf({0} >= {{onset:Int64}}) AS bad, countIf({0} >= {{since:Int64}} AND {0} < {{early:Int64}}) AS calm,
       minIf({0}, {0} >= {{early:Int64}}) AS first_ns"""
# What the calm alone says is read as far as what the incident says.
_MOST: Final = "ORDER BY bad DESC, calm DESC, first_ns, service, text LIMIT {limit:UInt32} BY first_ns > 0"
_LOG_TEXTS: Final = f"""
SELECT service, severity AS level, substring(tupleElement(example, 1), 1, 600) AS text, bad, calm, first_ns,
       '' AS trace_id, '' AS span_id, tupleElement(example, 2) AS source_id, tupleElement(example, 3) AS line,
       tupleElement(example, 4) AS item
FROM (SELECT service, severity, substring({without_numbers("body")}, 1, 240) AS pattern, {_COUNTS.format("time_ns")},
             argMin((body, source_id, line, item), (time_ns < {{early:Int64}}, time_ns, source_id, line, item))
             AS example
      FROM logs
      WHERE severity IN ('warn', 'error', 'fatal') OR (severity = '' AND match(body, {{trouble:String}}))
      GROUP BY service, severity, pattern)
{_MOST}
"""
_SPAN_TEXTS: Final = f"""
SELECT service, 'error' AS level, tupleElement(example, 1) AS text, bad, calm, first_ns,
       tupleElement(example, 2) AS trace_id, tupleElement(example, 3) AS span_id, 0 AS source_id, 0 AS line, 0 AS item
FROM (SELECT service, {without_numbers("said")} AS pattern, {_COUNTS.format("time_ns")},
             argMin((said, trace_id, span_id), (time_ns < {{early:Int64}}, time_ns, trace_id, span_id)) AS example
      FROM (SELECT service, start_ns AS time_ns, trace_id, span_id, attributes['error'] AS flag,
                   multiIf(status_message != '', status_message, flag NOT IN ('', 'true', 'false'), flag,
                           attributes['exception.message'] != '', attributes['exception.message'],
                           attributes['error.message']) AS message,
                   concat(name, ': ', substring(message, 1, 600)) AS said
            FROM spans WHERE status = 'error' OR attributes['error'] NOT IN ('', 'false'))
      WHERE message != '' GROUP BY service, pattern HAVING bad > 0 OR calm > 0)
{_MOST}
"""
_EVENT_TEXTS: Final = f"""
SELECT service, 'error' AS level, tupleElement(example, 1) AS text, bad, calm, first_ns,
       tupleElement(example, 2) AS trace_id, tupleElement(example, 3) AS span_id, 0 AS source_id, 0 AS line, 0 AS item
FROM (SELECT service, {without_numbers("said")} AS pattern, {_COUNTS.format("time_ns")},
             argMin((said, trace_id, span_id), (time_ns < {{early:Int64}}, time_ns, trace_id, span_id)) AS example
      FROM (SELECT service, time_ns, trace_id, span_id,
                   concat(attributes['exception.type'], ': ', substring(attributes['exception.message'], 1, 400))
                   AS said
            FROM span_events WHERE name = 'exception')
      GROUP BY service, pattern HAVING bad > 0 OR calm > 0)
{_MOST}
"""
