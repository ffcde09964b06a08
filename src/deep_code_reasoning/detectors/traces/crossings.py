"""Requests whose read and write of one thing lie across another's.

The rate is that among all requests that came in the same way: with a new check there may be none before that read.
Which key it was often stays hidden by sanitisers. Then the table stands for it, which is why crossing alone never
convicts: the conflict is what the database or the code itself said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...store import CaseStore, Row
from ..base import Scene
from ..timeline.change_point import OutcomeChange, outcome_change, probability, rate_contrast
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .accesses import could_race
from .key_windows import prepare_conflicts, prepare_key_windows
from .races import Race, Settings, began, finding_of


def crossings(scene: Scene, settings: Settings) -> list[Finding]:
    """What requests read and write across each other: of each service the surest."""
    told = prepare_conflicts(scene.store)
    if not could_race(scene.store, told):
        return []
    if not prepare_key_windows(scene.store):
        return []
    _prepare_requests(scene.store)
    steps = time_steps(scene.store, "entries")
    objects = scene.store.query(
        "SELECT uniqExactIf((service, object), same) AS read, uniqExactIf((service, object), unguarded) AS open "
        "FROM key_windows"
    )[0]
    found = _met(scene, steps, int(objects["read"]), settings) if told else []
    found += _overwritten(scene, steps, int(objects["open"]), settings)
    found += _unlocked(scene, steps, int(objects["read"]), settings)
    found += _twice(scene, steps, int(objects["read"]), settings)
    # Reads and writes of several things lie across each other together: one of them is enough.
    best: dict[str, Finding] = {}
    for finding in sorted(found, key=lambda f: (-f.confidence, ", then " in (f.resource or ""), f.resource)):
        best.setdefault(finding.service, finding)
    # Who reads here and writes there through a service that reads and writes across itself, does so along with it.
    return [
        finding
        for finding in best.values()
        if ", then " not in (finding.resource or "")
        or not set(scene.graph.downstream(finding.service)) & set(best) - {finding.service}
    ]


def _prepare_requests(store: CaseStore) -> None:
    """Make `requests_of_keys`, once: what holds of any window of a trace on an object."""
    store.derive(
        "requests_of_keys",
        """
        SELECT service, object, trace_id, max(w.crossed) AS crossed, max(w.conflict) AS conflict,
               max(w.unseen) AS unseen, max(w.unguarded) AS unguarded, max(w.locked) AS locked, max(w.twice) AS twice
        FROM key_windows AS w GROUP BY service, object, trace_id
        """,
        "service LowCardinality(String), object String, trace_id String, crossed Nullable(UInt8), conflict UInt8, "
        "unseen Nullable(UInt8), unguarded UInt8, locked UInt8, twice Nullable(UInt8)",
    )


def _requests(scene: Scene, steps: TimeSteps, bad: str, least: int) -> list[Row]:
    """By service and object: steps of requests that could have read and written it, with those that are `bad`."""
    # What is looked at: objects with so many of them.
    many = f"""SELECT service, object FROM requests_of_keys GROUP BY service, object
               HAVING countIf({bad}) >= {{least:UInt32}}"""
    if not scene.store.query(f"{many} LIMIT 1", least=least):
        return []  # of most there are none, and the rest takes long to plan
    return scene.store.query(
        f"""
        WITH many AS ({many}),
        ways AS (SELECT DISTINCT r.service AS service, object, entry FROM requests_of_keys AS r
                 JOIN entries AS e ON e.service = r.service AND e.trace_id = r.trace_id
                 WHERE (r.service, object) IN many),
        served AS (
            SELECT e.service AS service, object, e.trace_id AS trace_id, e.start_ns AS start_ns
            FROM entries AS e JOIN ways AS w ON w.service = e.service AND w.entry = e.entry
        )
        SELECT service, object, groupArray((step, n, bad)) AS steps, sum(bad) AS concerned, sum(over) AS crossing,
               sum(reading) AS requests, sum(told) AS conflicts, groupArray((step, open)) AS unguarded,
               groupArray((step, reading, free)) AS unlocked
        FROM (
            SELECT s.service AS service, s.object AS object, {step_of("s.start_ns")} AS step, count() AS n,
                   countIf({bad}) AS bad, countIf(r.crossed) AS over,
                   countIf(r.trace_id != '') AS reading, countIf(r.conflict) AS told,
                   countIf(r.unguarded) AS open, countIf(r.trace_id != '' AND NOT r.locked) AS free
            FROM served AS s LEFT ANY JOIN requests_of_keys AS r
                ON r.service = s.service AND r.object = s.object AND r.trace_id = s.trace_id
            GROUP BY service, object, step
        )
        GROUP BY service, object HAVING concerned >= {{least:UInt32}} ORDER BY service, object
        """,
        least=least,
        **steps.parameters(),
    )


def _met(scene: Scene, steps: TimeSteps, looked_at: int, settings: Settings) -> list[Finding]:
    """Objects over which requests that lie across each other meet conflicts."""
    found = []
    for row in _requests(scene, steps, "crossed AND conflict", settings.min_met):
        bad, crossing = int(row["concerned"]), int(row["crossing"])
        apart, alone = int(row["conflicts"]) - bad, int(row["requests"]) - crossing
        contrast = rate_contrast(bad, crossing, apart, alone)
        if contrast < settings.min_contrast or bad * alone <= apart * crossing:
            continue
        dated = began(row, steps, looked_at, settings, min(contrast, settings.most_contrast))
        if dated is not None:
            found.append(_crossing(scene, row, *dated, steps))
    return found


def _overwritten(scene: Scene, steps: TimeSteps, looked_at: int, settings: Settings) -> list[Finding]:
    """Objects that requests write whole although another wrote them since they read: nobody is told."""
    found = []
    for row in _requests(scene, steps, "unseen", settings.min_requests):
        first = began(row, steps, 1, settings, settings.most_contrast)
        if first is None:
            continue
        # That reads and writes came to be without a guard, or came to be at all, speaks for it too.
        tied = min(_less_guarded(row, steps, first[0]), settings.most_contrast)
        dated = began(row, steps, looked_at, settings, tied)
        if dated is None:
            continue
        change, chance = dated
        if chance >= settings.min_silent and change.rate_after >= settings.min_ratio * change.rate_before:
            found.append(_untold(scene, row, "lost update", change, chance, steps))
    return found


def _unlocked(scene: Scene, steps: TimeSteps, looked_at: int, settings: Settings) -> list[Finding]:
    """Objects that were read and written under a lock, and are no longer: since then requests lie across each other."""
    found = []
    for row in _requests(scene, steps, "crossed AND NOT locked AND object NOT LIKE '%, then %'", settings.min_requests):
        change = outcome_change(
            steps.spread((step, free) for step, _, free in row["unlocked"]),
            steps.spread((step, n) for step, n, _ in row["unlocked"]),
        )
        if change is None or change.rate_after - change.rate_before < settings.unlocked:
            continue
        chance = probability(change.log_evidence, looked_at)
        bad = steps.spread((step, crossing) for step, _, crossing in row["steps"])
        before, since = sum(bad[: change.index]), sum(bad[change.index :])
        if chance >= settings.min_silent and not before:
            crossing = replace(change, failures_before=before, failures_after=since)
            chance = min(chance, settings.nobody_told)
            found.append(_untold(scene, row, "no lock any more", crossing, chance, steps))
    return found


def _twice(scene: Scene, steps: TimeSteps, looked_at: int, settings: Settings) -> list[Finding]:
    """Objects of which requests create the same one twice, each having looked for it before the other was done.

    What anybody may create again comes again at other times too. Where it comes at once only, the look keeps the
    others away: it is the check that this one be done once, and it is not one with its act.
    """
    rows = _requests(scene, steps, "twice", settings.min_requests)
    again = scene.store.query(
        """
        SELECT service, object, countIf(times > 1) AS apart, countIf(times = 1 AND made > 1) AS met FROM (
            SELECT service, object, key, count() AS made, countIf(NOT after_prior) AS times
            FROM key_windows WHERE creates GROUP BY service, object, key
        ) GROUP BY service, object
        """
    )
    once = {
        (row["service"], row["object"])
        for row in again
        if int(row["met"]) >= settings.min_requests
        and int(row["apart"]) <= settings.most_apart * (int(row["apart"]) + int(row["met"]))
    }
    found = []
    for row in rows:
        dated = began(row, steps, looked_at, settings) if (row["service"], row["object"]) in once else None
        if dated is not None and dated[1] >= settings.min_silent:
            found.append(_untold(scene, row, "done twice", *dated, steps))
    return found


def _less_guarded(row: Row, steps: TimeSteps, change: OutcomeChange) -> float:
    """Log Bayes factor that requests write with no guard more often since then."""
    unguarded = steps.spread(row["unguarded"])
    before, after = sum(unguarded[: change.index]), sum(unguarded[change.index :])
    if after * change.trials_before <= before * change.trials_after:
        return 0.0
    return max(0.0, rate_contrast(after, change.trials_after, before, change.trials_before))


def _crossing(scene: Scene, row: Row, change: OutcomeChange, chance: float, steps: TimeSteps) -> Finding:
    service, target, since_ns = str(row["service"]), str(row["object"]), steps.start_of(change.index)
    worst = scene.store.query(
        """
        SELECT w.trace_id AS trace_id, w.read_span AS read_span, w.write_span AS write_span,
               w.other_read AS other_read, w.other_write AS other_write, w.key AS key, c.message AS message
        FROM key_windows AS w LEFT ANY JOIN conflicts AS c ON w.trace_id = c.trace_id AND w.service = c.service
        WHERE w.service = {service:String} AND w.object = {target:String} AND w.crossed AND w.conflict
          AND w.start_ns >= {since:Int64}
        ORDER BY w.start_ns, w.trace_id, w.key LIMIT 2
        """,
        service=service,
        target=target,
        since=since_ns,
    )
    cited = [
        ref
        for one in worst
        for ref in (
            one["other_read"], f"{one['trace_id']}/{one['read_span']}",
            one["other_write"], f"{one['trace_id']}/{one['write_span']}",
        )
    ]  # fmt: skip
    message = str(worst[0]["message"])[:120] if worst else ""
    return finding_of(
        scene,
        Race(service, target, str(worst[0]["key"]) if worst else "", "read, then write", since_ns, chance, change),
        f"{change.failures_after} of {change.trials_after} requests read and wrote {target} across another's read and "
        f'write since {format_instant(since_ns)} and met a conflict ("{message}"), {change.failures_before} of '
        f"{change.trials_before} before",
        {"crossing_requests": int(row["crossing"]), "requests": int(row["requests"])},
        cited,
    )


# What happens without a word: which windows show it, the spans of them, and how it is told.
_UNTOLD: Final = {
    "lost update": (
        "unseen",
        ("read", "unseen_write", "write"),
        "wrote over what another had written to {target} since they read it, with no lock and no check",
    ),
    "no lock any more": (
        "crossed AND NOT locked",
        ("other_read", "read", "other_write", "write"),
        "read and wrote {target} across another's read and write, without the lock that all took before",
    ),
    "done twice": (
        "twice",
        ("other_read", "read", "other_write", "write"),
        "looked for what they then put into {target}, as another did across them with the same key: it is done twice",
    ),
}


def _untold(scene: Scene, row: Row, kind: str, change: OutcomeChange, chance: float, steps: TimeSteps) -> Finding:
    service, target, since_ns = str(row["service"]), str(row["object"]), steps.start_of(change.index)
    shown, cited, told = _UNTOLD[kind]
    examples = scene.store.query(
        f"""
        SELECT key, concat(trace_id, '/', read_span) AS read, concat(trace_id, '/', write_span) AS write,
               unseen_write, other_read, other_write
        FROM key_windows AS w
        WHERE service = {{service:String}} AND object = {{target:String}} AND {shown} AND w.start_ns >= {{since:Int64}}
        ORDER BY w.start_ns, trace_id, key LIMIT 2
        """,
        service=service,
        target=target,
        since=since_ns,
    )
    return finding_of(
        scene,
        Race(service, target, str(examples[0]["key"]) if examples else "", kind, since_ns, chance, change),
        f"{change.failures_after} of {change.trials_after} requests {told.format(target=target)}, since "
        f"{format_instant(since_ns)}, {change.failures_before} of {change.trials_before} before; nobody is told",
        {"crossing_requests": int(row["crossing"]), "requests": int(row["requests"])},
        [str(one[ref]) for one in examples for ref in cited],
    )
