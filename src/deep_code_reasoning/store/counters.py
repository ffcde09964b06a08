"""Metrics that count, though their source does not say so: what only grows, all the time, is no level.

Prometheus' query API and tables tell no types, and not every exporter ends its counters' names in `_total`. A counter
grows, though what it counts may be rare, and falls only when its process starts anew. Levels that may well do nothing
but grow for an hour (memory, disks, queues, ages) are known by the words of their names, and left alone, unless these
end as only counters' names do (OpenMetrics: `container_cpu_usage_seconds_total`); what was done with the messages of a
queue is no level of it.
"""

from __future__ import annotations

from typing import Final

from .engine import Database

# Noise makes a level fall every other time: of eight moves all are rises once in some hundred series, and of those of
# several series together hardly ever.
_MIN_POINTS: Final = 12
_MIN_RISES: Final = 8
RISES_A_RESET: Final = 20
"""What only grows falls once in so many rises at most, when its process starts anew: more often it is no counter."""
# So many points at most are looked at: of more, those of one moment in several, of all series alike.
MOST_POINTS: Final = 4_000_000
_WORDS: Final = r"replaceRegexpAll(name, '([a-z0-9])([A-Z])', '\\1_\\2')"
_LEVELS: Final = (
    r"(?i)(?:^|[^a-z])(?:mem|memory|rss|heap|swap|ram|workingset|disk|file|filesystem|fs|volume|storage|queued|lag"
    r"|backlog|depth|age|size|usage|used|active|inflight|pending|unacked|connection|conn|pool|thread|goroutine|worker"
    r"|percent|ratio|util|utilization|utilisation|uptime|start|epoch|timestamp|limit|max|free|available|open|current"
    r"|version|offset|idle)s?(?:[^a-z]|$)"
)
# `_count` is left out: what is counted now (threads, connections) is called so as well.
# Requests by the status that they were answered with are counted, be it of one that is rare.
_STATUSES: Final = r"[._ /-](?:[1-5]\d\d|[1-5]xx)$"
_ENDS: Final = r"[._](?:total|sum|bucket)$"
MESSAGES_DONE: Final = frozenset(
    {"published", "produced", "sent", "enqueued", "delivered", "redelivered", "received", "consumed", "dequeued",
     "processed", "acked", "acknowledged", "requeued"}
)  # fmt: skip
"""Words of what was done with messages: they are counted as it is done, whatever they were in."""
_QUEUES: Final = r"(?i)(?:^|[^a-z])queues?(?:[^a-z]|$)"
_DONE: Final = rf"(?i)(?:^|[^a-z])(?:{'|'.join(sorted(MESSAGES_DONE))})(?:[^a-z]|$)"


def counters_of(database: Database) -> list[str]:
    """The names of metrics without a kind of which every series only grows, and one does so often."""
    points = int(database.query("SELECT count() AS n FROM metrics WHERE kind = ''")[0]["n"])
    if not points:
        return []
    rows = database.query(
        f"""
        SELECT name FROM (
            SELECT name, count() AS points,
                   arrayMap(p -> p.2, arraySort(groupArray((time_ns, value)))) AS v,
                   arrayMap((one, next) -> next - one, arrayPopBack(v), arrayPopFront(v)) AS steps,
                   arrayCount(step -> step > 0, steps) AS rises, arrayCount(step -> step < 0, steps) AS falls
            FROM metrics
            WHERE kind = '' AND time_ns > 0 AND cityHash64(time_ns) % {{every:UInt32}} = 0 AND isFinite(value)
                  AND (match(name, {{ends:String}}) OR (NOT match({_WORDS}, {{levels:String}})
                       AND (NOT match({_WORDS}, {{queues:String}}) OR match({_WORDS}, {{done:String}}))))
            GROUP BY name, service, instance, host, cityHash64(mapKeys(attributes), mapValues(attributes))
        )
        GROUP BY name
        HAVING (max(points >= {{least:UInt32}} AND rises >= {{rises:UInt32}}) OR match(name, {{statuses:String}}))
               AND sum(falls) * {{resets:UInt32}} <= sum(rises)
        ORDER BY name
        """,
        every=-(-points // MOST_POINTS),
        levels=_LEVELS,
        ends=_ENDS,
        statuses=_STATUSES,
        queues=_QUEUES,
        done=_DONE,
        least=_MIN_POINTS,
        rises=_MIN_RISES,
        resets=RISES_A_RESET,
    )
    return [row["name"] for row in rows]


def counted(scan: str) -> str:
    """A scan of the metrics in which those of the table `metric_counters` are told to be cumulative."""
    kind = "if(m.kind = '' AND m.name IN (SELECT name FROM metric_counters), 'sum', toString(m.kind))"
    return f"SELECT m.* REPLACE (CAST({kind}, 'LowCardinality(String)') AS kind) FROM ({scan}) AS m"
