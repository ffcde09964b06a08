"""What the changes of a case that touch some files do, as far as their diffs tell, by kind of impact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from ..detectors.changes.compatibility import capability
from ..detectors.changes.diff import parse_diff
from ..detectors.changes.effects import effects_of
from ..store import CaseStore

# By which mechanism an effect hurts says whom: whoever relies on a shape, or whoever waits.
_BREAKING: Final = frozenset({"schema_mismatch", "bad_input", "startup_failure", "configuration"})
_PERFORMANCE: Final = frozenset(
    "n_plus_one chatty_calls latency_regression cpu_saturation memory_saturation disk_saturation memory_leak "
    "connection_pool_exhausted thread_pool_exhausted lock_contention cache_stampede retry_storm timeout_budget "
    "message_backlog".split()
)
_TOUCHING: Final = """
    SELECT toString(kind) AS kind, id, toString(repo) AS repo, message, files, diff FROM changes
    WHERE arrayExists(f -> arrayExists(p -> endsWith(p, f) OR endsWith(f, p), {paths:Array(String)}), files)
    ORDER BY time_ns DESC, id LIMIT 20
"""


def change_effects(store: CaseStore, paths: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By kind of impact: the changes that touch the paths, newest first, and each effect of their diffs."""
    found: dict[str, list[dict[str, Any]]] = {"breaking": [], "performance": [], "behavioral": []}
    for row in store.query(_TOUCHING, paths=list(paths) or [""]):
        change = {"change": f"{row['kind']}:{row['repo']}@{row['id']}", "message": row["message"][:160]}
        effects = effects_of(parse_diff(row["diff"], row["files"])) if row["diff"] else ()
        for effect in effects:
            found[_kind(capability(effect.kind).mechanism)].append(
                {**change, "does": effect.summary, "in": effect.path, "sureness": effect.sureness}
            )
        if not effects:
            found["behavioral"].append(change)
    return found


def _kind(mechanism: str) -> str:
    return "breaking" if mechanism in _BREAKING else "performance" if mechanism in _PERFORMANCE else "behavioral"


def frequencies(ran: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """How often the traces say that functions run, the most often first."""
    return sorted(
        ({"function": name, **each} for name, of_it in ran.items() for each in of_it),
        key=lambda row: (-row["spans"], row["function"], row["service"], row["operation"]),
    )
