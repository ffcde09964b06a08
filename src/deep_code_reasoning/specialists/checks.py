"""What may speak against a claim, one function a question. Each returns objections; none is "nothing against it"."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from ..domain.citation import Citation
from ..domain.claim import Claim, citation_or_none
from ..domain.instant import format_instant
from ..errors import QueryError
from ..store import WENT_LIVE, CaseStore
from .ground import Ground, Objection

# Models round to two digits; what is further away than that is another number.
_ROUNDING: Final = 0.05
_ERROR_BODY: Final = r"(?i)\b(error|exception|fatal|panic|traceback)\b"


def names_a_service_that_exists(claim: Claim, ground: Ground) -> list[Objection]:
    """The service has rows, or is at least spoken of in them."""
    if not claim.service or not ground.services or ground.store is None:
        return []
    if claim.service in ground.services or _is_spoken_of(claim.service, ground.store):
        return []
    return [Objection(f"no row of the case is of, or names, a service '{claim.service}'", refutes=True)]


def _is_spoken_of(name: str, store: CaseStore) -> bool:
    row = store.query(
        "SELECT (SELECT count() FROM (SELECT 1 FROM spans WHERE has(mapValues(attributes), {name:String}) LIMIT 1)) "
        "+ (SELECT count() FROM (SELECT 1 FROM notices WHERE subject = {name:String} LIMIT 1)) "
        "+ (SELECT count() FROM (SELECT 1 FROM logs WHERE position(body, {name:String}) > 0 LIMIT 1)) AS n",
        name=name,
    )[0]
    return bool(int(row["n"]))


def cites_rows_of_its_service(claim: Claim, ground: Ground) -> list[Objection]:
    """Of the rows of telemetry that it cites, at least one is of the service or speaks of it."""
    if not claim.service or claim.service not in ground.services:
        return []
    cited = [citation_or_none(proof.citation) for proof in claim.proofs]
    telemetry = [c for c in cited if c is not None and c.kind in ("span", "log", "metric")]
    exhibits = [exhibit for c in telemetry if (exhibit := ground.look_up(str(c))).found]
    wanted = claim.service.lower()
    if not exhibits or any(wanted in text.lower() for exhibit in exhibits for text in exhibit.texts):
        return []
    return [Objection(f"none of the rows that it cites is of '{claim.service}'")]


def blames_a_change_before_the_onset(claim: Claim, ground: Ground) -> list[Objection]:
    """What was changed after it began did not do it."""
    windows = ground.windows
    change = citation_or_none(claim.change) if claim.change else None
    if change is None or ground.store is None or windows is None or not windows.changed:
        return []
    live_ns = live_since(change, ground, ground.store)
    if live_ns is None or live_ns <= windows.onset.end_ns:
        return []
    began = format_instant(windows.onset_ns)
    return [Objection(f"{change} was live at {format_instant(live_ns)}, after it began ({began})", refutes=True)]


def live_since(change: Citation, ground: Ground, store: CaseStore) -> int | None:
    """When a change went live: a commit with its first deploy where one is recorded, else when it was made."""
    exhibit = ground.look_up(str(change))
    times = [int(row["time_ns"]) for row in exhibit.rows if int(row.get("time_ns") or 0) > 0]
    if change.kind == "commit" and times:
        sha = str(exhibit.rows[0]["id"])
        deploys = store.query(
            "SELECT min(time_ns) AS t, count() AS n FROM changes "
            f"WHERE kind = 'deploy' AND {WENT_LIVE} "
            "AND commit_sha = {sha:String} AND time_ns > 0",
            sha=sha,
        )[0]
        if int(deploys["n"]):
            return int(deploys["t"])
    return min(times, default=None)


def claims_errors_where_there_are_some(claim: Claim, ground: Ground) -> list[Objection]:
    """A stretch of time in which the service is said to fail has at least one error of it."""
    window, store = claim.errors_in, ground.store
    if window is None or store is None:
        return []
    row = store.query(
        "SELECT countIf(t >= {start:Int64} AND t < {end:Int64}) AS inside, count() AS n FROM ("
        "SELECT start_ns AS t FROM spans WHERE status = 'error' AND ({any:UInt8} OR service = {service:String}) "
        "UNION ALL SELECT time_ns AS t FROM logs WHERE ({any:UInt8} OR service = {service:String}) AND "
        "(severity IN ('error', 'fatal') OR (severity = '' AND match(body, {error:String}))) "
        "UNION ALL SELECT time_ns AS t FROM metrics WHERE ({any:UInt8} OR service = {service:String}) "
        "AND name ILIKE '%error%' AND value > 0)",
        start=window.start_ns,
        end=window.end_ns,
        any=not claim.service,
        service=claim.service or "",
        error=_ERROR_BODY,
    )[0]
    if int(row["inside"]):
        return []
    where = f"of {claim.service} " if claim.service else ""
    stretch = " and ".join(window.as_text())
    if int(row["n"]):
        return [Objection(f"no error {where}is recorded between {stretch}; {row['n']} are elsewhere", refutes=True)]
    return [Objection(f"the case records no error {where}at all, so that none between {stretch} can be shown")]


def gives_figures_that_the_evidence_gives(claim: Claim, ground: Ground) -> list[Objection]:
    """Each figure comes out of its query again."""
    objections = []
    for figure in claim.figures:
        if not figure.sql:
            objections.append(Objection(f"no query is given for '{figure.name}'"))
            continue
        try:
            found = ground.number(figure.sql)
        except QueryError as refusal:
            objections.append(Objection(f"the query for '{figure.name}' fails: {refusal.message}"))
            continue
        if math.isnan(found):
            objections.append(Objection(f"the query for '{figure.name}' gives no number"))
        elif not math.isclose(found, figure.value, rel_tol=_ROUNDING, abs_tol=1e-9):
            reason = f"'{figure.name}' is {found:g} by its own query, not {figure.value:g}"
            objections.append(Objection(reason, refutes=True))
    return objections


CHECKS: Final[tuple[Callable[[Claim, Ground], list[Objection]], ...]] = (
    names_a_service_that_exists,
    cites_rows_of_its_service,
    blames_a_change_before_the_onset,
    claims_errors_where_there_are_some,
    gives_figures_that_the_evidence_gives,
)
