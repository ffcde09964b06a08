"""Deploys, flags and what other systems said (alerts, status pages), in order of time, with the onset among them."""

from __future__ import annotations

from collections.abc import Iterator

from ...domain.citation import Citation, change_citation
from ...domain.instant import NS_PER_S
from ..draft import Draft, Line
from ..subject import Subject
from .wording import moment, relative

# Events that are offered, the nearest to the onset: enough for weeks of deploys of a large system.
_MAX_EVENTS = 400


def drafts(subject: Subject) -> Iterator[Draft]:
    """One draft: the timeline."""
    draft = timeline(subject)
    if draft.lines:
        yield draft


def timeline(subject: Subject) -> Draft:
    """Changes and notices of the case as a draft; what is nearest before the onset is worth the most."""
    windows = subject.investigation.windows
    onset_ns = windows.onset_ns if windows else None
    rows = subject.store.query(
        """
        SELECT * FROM (
            SELECT toString(kind) AS kind, id, time_ns, toString(service) AS about, commit_sha, version,
                   concat(attributes['outcome'], ' ', message) AS text
            FROM changes WHERE kind != 'commit'
            UNION ALL
            SELECT toString(kind), id, time_ns, toString(subject), '', toString(status), concat(title, ' ', text)
            FROM notices
        )
        ORDER BY abs(time_ns - {onset:Int64}), kind, id LIMIT {limit:UInt32}
        """,
        onset=onset_ns or 0,
        limit=subject.many(_MAX_EVENTS),
    )
    named = {(c.change.kind, c.change.id) for c in subject.investigation.causes if c.change}
    focus = set(subject.suspects[:3])
    events = []
    for row in rows:
        kind, time_ns = row["kind"], int(row["time_ns"])
        is_change = kind in ("deploy", "flag")
        cited: Citation = change_citation(kind if is_change else "notice", row["id"])
        what = " ".join(filter(None, (row["about"], row["version"], row["commit_sha"][:12], row["text"].strip())))
        when = f"{moment(time_ns)} ({relative(time_ns, onset_ns)})" if time_ns else "at an unknown time"
        weight = _nearness(time_ns, onset_ns) * (2 if row["about"] in focus else 1)
        if (kind, row["id"]) in named or ("commit", row["commit_sha"]) in named:
            weight += 4
        events.append((time_ns, Line(f"{when} {kind} {what} [{cited}]", (cited,), weight)))
    if events and onset_ns is not None:
        events.append((onset_ns, Line(f"{moment(onset_ns)} ONSET (estimated)", (), 5)))
    events.sort(key=lambda event: (event[0], event[1].text))
    title = "Timeline: deploys, flags, alerts, status"
    return Draft("timeline/changes", title, tuple(line for _, line in events), unit="events")


def _nearness(time_ns: int, onset_ns: int | None) -> float:
    """1 at the onset, a half an hour before; what came after it did not cause it."""
    if onset_ns is None or not time_ns:
        return 0.5
    hours = abs(onset_ns - time_ns) / (3_600 * NS_PER_S)
    return (1 if time_ns <= onset_ns else 0.5) / (1 + hours)
