"""What databases and runtimes say of locks themselves: that they found a deadlock, that a lock was not to be had.

    lock_reports    a row a request and service that was told: kind (`deadlock` or `denied`), trace_id ('' where a log
                    record names none), span_id, service, name (of the innermost span that says so), time_ns, message,
                    source_id, line, item

An error is passed up the calls: of a request those count whose call of a database failed with it, else the innermost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, log_citation, span_citation
from ...store import CaseStore
from ..timeline.change_point import OutcomeChange, outcome_change
from ..timeline.time_steps import TimeSteps, step_of, time_steps

# PostgreSQL 40P01, MySQL 1213 and 3572, SQL Server 1205, Oracle ORA-00060 and ORA-04020, SQLite, JPA, the JVM's thread
# dump, Go's runtime.
_DEADLOCK: Final = (
    r"(?i)deadlock (detected|found|victim)|deadlocked|found .{0,20}deadlock|deadlock!|\b40P01\b|DeadlockLoser"
    r"|ER_LOCK_DEADLOCK|ORA-00060|ORA-04020|Deadlock(Exception|Error)|caused a deadlock"
)
# PostgreSQL 55P03, MySQL 1205 and 3572, Oracle ORA-00054 and ORA-30006, SQL Server 1222, SQLite, Redisson, Curator.
_DENIED: Final = (
    r"(?i)lock wait timeout|(could|can) ?not (obtain|acquire|get) (the |a )?.{0,30}\block|\b55P03\b|ORA-00054|ORA-30006"
    r"|due to lock timeout|lock request time ?out|database is locked|SQLITE_BUSY|Lock(Not|Wait)?(Available|Timeout)"
    r"|CannotAcquireLock|(failed|unable|timed? ?out).{0,40}(acquir|obtain|wait|get)[a-z]* .{0,30}\block"
    r"|\block .{0,60}(not (free|available|acquired|obtained)|timed? ?out|held by another)"
)
_BY_DATABASE: Final = "attributes['db.system.name'] != '' OR attributes['db.system'] != ''"
_WHERE: Final = "trace_id String, span_id String, service String, name String"
_ORIGIN: Final = "source_id UInt32, line UInt64, item UInt32"
_CODE: Final = "concat(attributes['db.response.status_code'], ' ', attributes['error.type'])"


@dataclass(frozen=True, slots=True)
class Report:
    """A service that is told of a kind of trouble with locks more often since `since_ns`.

    `hearsay`: mostly by logs and exceptions, not by a call that failed: it may repeat what its callee was told.
    """

    service: str
    requests: int
    since_ns: int
    message: str
    change: OutcomeChange
    citations: tuple[Citation, ...]
    hearsay: bool


def prepare_lock_reports(store: CaseStore) -> bool:
    """Make `lock_reports`, once; False when nothing speaks of locks."""
    return store.once("lock reports", lambda: _find_lock_reports(store))


def _find_lock_reports(store: CaseStore) -> bool:
    kind = "if(match(said, {deadlock:String}), 'deadlock', 'denied')"
    about = "(match(said, {deadlock:String}) OR match(said, {denied:String}))"
    logs = "" if not store.count("logs") else (
        f" UNION ALL SELECT trace_id, span_id, toString(service), '', time_ns, substring(body, 1, 400) AS said, {kind},"
        f" (-1, -time_ns), 0, source_id, line, item FROM logs WHERE severity IN ('warn', 'error', 'fatal') AND {about}"
    )  # fmt: skip
    # In a step of its own, so that the evidence is read once.
    store.derive(
        "told_of_locks",
        f"""
        SELECT trace_id, span_id, toString(service) AS service, toString(name) AS name, start_ns AS time_ns,
               concat(status_message, ' ', {_CODE}) AS said, {kind} AS kind, (1, start_ns) AS depth,
               {_BY_DATABASE} AS own, source_id, line, item
        FROM spans WHERE status = 'error' AND {about}
        UNION ALL
        SELECT trace_id, span_id, toString(service), '', time_ns,
               concat(attributes['exception.message'], ' ', attributes['exception.type']) AS said, {kind},
               (0, -time_ns), 0, source_id, line, item
        FROM span_events WHERE name = 'exception' AND {about}
        {logs}
        """,
        f"{_WHERE}, time_ns Int64, said String, kind String, depth Tuple(Int8, Int64), own UInt8, {_ORIGIN}",
        deadlock=_DEADLOCK,
        denied=_DENIED,
    )
    store.derive(
        "lock_reports",
        """
        SELECT trace_id, span_id, service, name, time_ns, kind, trimBoth(said) AS message, source_id, line, item
        FROM told_of_locks WHERE own OR trace_id NOT IN (SELECT trace_id FROM told_of_locks WHERE own)
        ORDER BY depth DESC, source_id, line, item
        LIMIT 1 BY kind, if(own, service, ''), if(trace_id = '', toString((source_id, line, item)), trace_id)
        """,
        f"{_WHERE}, time_ns Int64, kind String, message String, {_ORIGIN}",
    )
    return bool(store.query("SELECT 1 AS n FROM lock_reports LIMIT 1"))


def reported(store: CaseStore, kind: str, min_requests: int) -> list[Report]:
    """The services that are told of this kind of trouble in at least so many requests, those told most first."""
    steps = time_steps(store, "spans", count=64)
    rows = store.query(
        f"""
        SELECT service, count() AS requests, min(r.time_ns) AS since, max(message) AS message,
               2 * countIf(name = '') > requests AS hearsay,
               groupArray({step_of("r.time_ns")}) AS steps, groupUniqArrayIf(name, name != '') AS names,
               arraySlice(arraySort(groupArray((r.time_ns, trace_id, span_id, source_id, line, item))), 1, 3) AS first
        FROM lock_reports AS r WHERE kind = {{kind:String}}
        GROUP BY service HAVING requests >= {{least:UInt32}} ORDER BY requests DESC, service LIMIT 3
        """,
        kind=kind,
        least=min_requests,
        **steps.parameters(),
    )
    found = []
    for row in rows:
        service, told = str(row["service"]), row["steps"]
        # What is done only since it fails says nothing of before: then all of the service's requests do.
        change = outcome_change(*requests_told(store, steps, service, told, list(row["names"]))) or outcome_change(
            *requests_told(store, steps, service, told, [])
        )
        if change is not None:
            cited = tuple(
                span_citation(trace, span)
                if span
                else log_citation(store.source(int(source)).name, int(line), int(item))
                for _, trace, span, source, line, item in row["first"]
            )
            requests, since_ns = int(row["requests"]), int(row["since"])
            found.append(Report(service, requests, since_ns, str(row["message"]), change, cited, bool(row["hearsay"])))
    return found


def requests_told(
    store: CaseStore, steps: TimeSteps, service: str, told: list[int], names: list[str]
) -> tuple[list[int], list[int]]:
    """Requests that are told a step, and requests that could have been: of the service, those that do what these do.

    `told` has the step of each that is; `names` what they do, all of the service's requests count where it is empty.
    """
    rows = store.query(
        f"""
        SELECT {step_of("start_ns")} AS step, uniqExact(trace_id) AS n FROM spans
        WHERE service = {{service:String}} AND (empty({{names:Array(String)}}) OR name IN {{names:Array(String)}})
        GROUP BY step ORDER BY step
        """,
        service=service,
        names=names,
        **steps.parameters(),
    )
    counts = steps.spread((int(row["step"]), int(row["n"])) for row in rows)
    failures = steps.spread((step, 1) for step in told)
    return [min(n, k) for n, k in zip(counts, failures, strict=True)], counts
