"""Messages that are worked on a second time: while the first turn lasts, or after it was done."""

from __future__ import annotations

from typing import Final

from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...store import Row
from ..base import Scene
from ..timeline.change_point import OutcomeChange
from ..timeline.time_steps import TimeSteps, step_of, time_steps
from .key_windows import prepare_conflicts
from .message_turns import prepare_message_turns
from .races import Race, Settings, began, finding_of

# How a message is worked on twice, and how that is told.
_TWICE: Final = {
    "at_once": ("one message, twice at once", "again while it is still processing them"),
    "again": ("one message, again after it was done", "again after they were done, and does all the work again"),
    "refused": ("one message, again after it was done", "again after they were done, and is told that it was"),
}


def double_turns(scene: Scene, settings: Settings) -> list[Finding]:
    """Messages of each queue that are processed twice, where that began."""
    prepare_conflicts(scene.store)
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
            dated = began(row, steps, looked_at, settings)
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
    return finding_of(
        scene,
        Race(service, queue, str(examples[0]["message"]) if examples else "", kind, since_ns, chance, change),
        f"takes {change.failures_after} of {change.trials_after} messages of {queue} {told} since "
        f"{format_instant(since_ns)}, {change.failures_before} of {change.trials_before} before; "
        f"{row['failing']} of them fail",
        {"failing": int(row["failing"])},
        [ref for example in examples for ref in example["spans"]],
    )
