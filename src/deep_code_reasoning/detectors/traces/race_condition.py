"""Requests that get into each other's way.

Looks for: two requests that each read a row, key or document and then write it, the one's read to write crossing the
other's, and that are told of a conflict, or that did so under a lock before and take none any more; and messages that
are taken a second time while the first is still at it.

Why it matters: each request alone is right, and each trace looks sound: what goes wrong lies between two of them. A
lock that was taken out, or a check that is not one with its act, fails a few requests in no pattern.

Stays silent when: requests cross without any conflict, as they always do under load; conflicts are as frequent as they
were; requests that cross nothing meet as many of them; a message comes again only after its first turn was over (it was
not acknowledged).

Example finding: `billing: 14 of 80 requests read and wrote account across another's read and write since 10:23:00 and
met a conflict ("was changed by another transaction"), 0 of 96 before`.

The rate is that among all requests that came in the same way: with a new check there may be none before that read.
Which key it was often stays hidden by sanitisers. Then the table stands for it, which is why crossing alone never
convicts: the conflict is what the database or the code itself said.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...domain.citation import Citation
from ...domain.finding import Fact, Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...store import Row
from ..base import Detector, Scene
from ..timeline.change_point import OutcomeChange, outcome_change, probability, rate_contrast
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .accesses import could_race
from .key_windows import prepare_conflicts, prepare_key_windows
from .message_turns import prepare_message_turns


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_met: one that is told of a conflict may be one client's own doing, such as a double click.
        min_requests: where nobody is told, fewer than this prove nothing.
        min_contrast: log Bayes factor that who crosses another meets more conflicts than who does not: beyond what is
            worth no more than a bare mention (Kass and Raftery, JASA 1995), as the conflicts are in words already.
        most_contrast: so much of that adds to what speaks for a beginning: strong evidence on the same scale.
        min_ratio: conflicts that are so many times as frequent as before are new ones.
        min_silent: updates that are lost without a word happen wherever the last writer may win; that they began must
            be nearly sure.
        unlocked: nearly all requests took a lock, and nearly none takes one now.
        nobody_told: nobody is surer of a race of which only the lock's absence tells.
        min_probability: a finding is told when it is likelier than not, for as many objects as were looked at.
    """

    min_met: int = 2
    min_requests: int = 3
    min_contrast: float = 1.0
    most_contrast: float = 3.0
    min_ratio: float = 5.0
    min_silent: float = 0.9
    unlocked: float = 0.8
    nobody_told: float = 0.8
    min_probability: float = 0.5


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find objects that requests write over each other's back, and messages that are processed twice."""
    found = [*_crossings(scene, settings), *_double_turns(scene, settings)]
    return sorted(found, key=lambda f: (-f.confidence, -f.severity, f.service, f.resource or ""))


def _crossings(scene: Scene, settings: Settings) -> list[Finding]:
    told = prepare_conflicts(scene.store)
    if not could_race(scene.store, told):
        return []
    prepare_key_windows(scene.store)
    steps = time_steps(scene.store, "entries")
    objects = scene.store.query(
        "SELECT uniqExactIf((service, object), same) AS read, uniqExactIf((service, object), unguarded) AS open "
        "FROM key_windows"
    )[0]
    found = _met(scene, steps, int(objects["read"]), settings) if told else []
    found += _overwritten(scene, steps, int(objects["open"]), settings)
    found += _unlocked(scene, steps, int(objects["read"]), settings)
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


def _requests(scene: Scene, steps: TimeSteps, bad: str, least: int) -> list[Row]:
    """By service and object: steps of requests that could have read and written it, with those that are `bad`."""
    return scene.store.query(
        f"""
        WITH requests AS (
            SELECT service, object, trace_id, min(w.start_ns) AS start_ns, max(w.crossed) AS crossed,
                   max(w.conflict) AS conflict, max(w.unseen) AS unseen, max(w.unguarded) AS unguarded,
                   max(w.locked) AS locked
            FROM key_windows AS w GROUP BY service, object, trace_id
        ),
        -- What is looked at: objects with so many of them.
        many AS (SELECT service, object FROM requests GROUP BY service, object
                 HAVING countIf({bad}) >= {{least:UInt32}}),
        ways AS (SELECT DISTINCT r.service AS service, object, entry FROM requests AS r
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
            FROM served AS s LEFT ANY JOIN requests AS r
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
        dated = _dated(row, steps, looked_at, settings, min(contrast, settings.most_contrast))
        if dated is not None:
            found.append(_crossing(scene, row, *dated, steps))
    return found


def _overwritten(scene: Scene, steps: TimeSteps, looked_at: int, settings: Settings) -> list[Finding]:
    """Objects that requests write whole although another wrote them since they read: nobody is told."""
    found = []
    for row in _requests(scene, steps, "unseen", settings.min_requests):
        first = _dated(row, steps, 1, settings, settings.most_contrast)
        if first is None:
            continue
        # That reads and writes came to be without a guard, or came to be at all, speaks for it too.
        tied = min(_less_guarded(row, steps, first[0]), settings.most_contrast)
        dated = _dated(row, steps, looked_at, settings, tied)
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


def _less_guarded(row: Row, steps: TimeSteps, change: OutcomeChange) -> float:
    """Log Bayes factor that requests write with no guard more often since then."""
    unguarded = steps.spread(row["unguarded"])
    before, after = sum(unguarded[: change.index]), sum(unguarded[change.index :])
    if after * change.trials_before <= before * change.trials_after:
        return 0.0
    return max(0.0, rate_contrast(after, change.trials_after, before, change.trials_before))


def _dated(
    row: Row, steps: TimeSteps, looked_at: int, settings: Settings, tied: float = 0.0
) -> tuple[OutcomeChange, float] | None:
    """Since when it happens, and how sure that is; None when it was so before.

    `tied` is what else speaks for it, as a log Bayes factor: it counts only for what hardly happened before.
    """
    change = outcome_change(
        steps.spread((step, bad) for step, _, bad in row["steps"]),
        steps.spread((step, n) for step, n, _ in row["steps"]),
    )
    if change is None:
        return None
    new = change.rate_after >= settings.min_ratio * change.rate_before
    chance = probability(change.log_evidence + (tied if new else 0.0), looked_at)
    return (change, chance) if chance >= settings.min_probability else None


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
    return _finding(
        scene,
        _Race(service, target, str(worst[0]["key"]) if worst else "", "read, then write", since_ns, chance, change),
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
    return _finding(
        scene,
        _Race(service, target, str(examples[0]["key"]) if examples else "", kind, since_ns, chance, change),
        f"{change.failures_after} of {change.trials_after} requests {told.format(target=target)}, since "
        f"{format_instant(since_ns)}, {change.failures_before} of {change.trials_before} before; nobody is told",
        {"crossing_requests": int(row["crossing"]), "requests": int(row["requests"])},
        [str(one[ref]) for one in examples for ref in cited],
    )


# How a message is worked on twice, and how that is told.
_TWICE: Final = {
    "at_once": ("one message, twice at once", "again while it is still processing them"),
    "again": ("one message, again after it was done", "again after they were done, and does all the work again"),
}


def _double_turns(scene: Scene, settings: Settings) -> list[Finding]:
    if not prepare_message_turns(scene.store):
        return []
    steps = time_steps(scene.store, "message_turns")
    looked_at = int(scene.store.query("SELECT uniqExact(service, name) AS n FROM message_turns")[0]["n"])
    found: dict[tuple[str, str], Finding] = {}
    for how in _TWICE:
        rows = scene.store.query(
            f"""
            SELECT service, name, any(queue) AS queue, groupArray((step, n, bad)) AS steps, sum(bad) AS concerned,
                   sum(failed) AS failing
            FROM (
                SELECT service, name, min(queue) AS queue, {step_of("start_ns")} AS step, count() AS n,
                       countIf({how}) AS bad, countIf({how} AND conflict) AS failed
                FROM message_turns GROUP BY service, name, step
            )
            GROUP BY service, name HAVING concerned >= {{least:UInt32}} ORDER BY service, name
            """,
            least=settings.min_requests,
            **steps.parameters(),
        )
        for row in rows:
            dated = _dated(row, steps, looked_at, settings)
            if dated is not None:
                key = str(row["service"]), str(row["name"])
                found.setdefault(key, _double_turn(scene, row, how, *dated, steps))
    return list(found.values())


def _double_turn(scene: Scene, row: Row, how: str, change: OutcomeChange, chance: float, steps: TimeSteps) -> Finding:
    service, name, since_ns = str(row["service"]), str(row["name"]), steps.start_of(change.index)
    queue = str(row["queue"]) or name
    kind, told = _TWICE[how]
    examples = scene.store.query(
        f"""
        SELECT message, spans FROM message_turns
        WHERE service = {{service:String}} AND name = {{name:String}} AND {how} AND start_ns >= {{since:Int64}}
        ORDER BY conflict DESC, start_ns, message LIMIT 2
        """,
        service=service,
        name=name,
        since=since_ns,
    )
    return _finding(
        scene,
        _Race(service, queue, str(examples[0]["message"]) if examples else "", kind, since_ns, chance, change),
        f"takes {change.failures_after} of {change.trials_after} messages of {queue} {told} since "
        f"{format_instant(since_ns)}, {change.failures_before} of {change.trials_before} before; "
        f"{row['failing']} of them fail",
        {"failing": int(row["failing"])},
        [ref for example in examples for ref in example["spans"]],
    )


@dataclass(frozen=True, slots=True)
class _Race:
    """What got into each other's way: a key of an object in a service, how, since when and how surely."""

    service: str
    target: str
    key: str
    kind: str
    since_ns: int
    chance: float
    change: OutcomeChange


def _finding(scene: Scene, race: _Race, told: str, facts: dict[str, Fact], spans: Sequence[str]) -> Finding:
    return Finding(
        code="traces.race_condition",
        mechanism="race_condition",
        service=race.service,
        summary=f"{race.service}: {told}",
        severity=min(1.0, max(0.5, race.change.rate_after)),
        confidence=min(0.95, race.chance),
        facts={
            "object": race.target,
            "key": race.key,
            "kind": race.kind,
            "conflicting_requests": race.change.failures_after,
            "conflicting_requests_before": race.change.failures_before,
            **facts,
            "onset": format_instant(race.since_ns),
        },
        citations=tuple(Citation("span", ref) for ref in dict.fromkeys(spans)),
        window=Window(race.since_ns, max(race.since_ns + 1, scene.windows.incident.end_ns)),
        resource=race.target,
    )


DETECTOR = Detector(
    code="traces.race_condition",
    mechanisms=("race_condition",),
    needs=("spans",),
    settings=Settings(),
    detect=detect,
    dated=True,
)
