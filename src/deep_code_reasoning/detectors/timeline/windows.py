"""The onset of an incident and the windows around it.

The onset is not taken from the alert: alerts are late, by one minute or by twenty, and evidence may begin after the
fault. It is what most of the evidence agrees on: every detector that dates its own findings (`Detector.dated`) says
when its signal changed, and the onset is where these dates are densest, weighed by how sure and how grave each is. An
alert's time only breaks ties: what began long after it, or very long before it, weighs less.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...domain.finding import Finding
from ...domain.instant import NS_PER_S
from ...domain.window import Window, Windows
from ...store import CaseStore

# How late what began may be told, in pauses between points.
_LAG: Final = 1.25
# Signals of one incident begin so near to each other: metrics come every minute, and lag by up to three.
_TOGETHER_NS: Final = 180 * NS_PER_S
# What begins so long after the incident was noticed is no part of why it was noticed; clocks and typed-in times differ
# by a minute or two. What began so long before has been lived with.
_LATE_NS: Final = 180 * NS_PER_S
_EARLY_NS: Final = 7200 * NS_PER_S
# What is late or early weighs as much of that; not nothing, since the time given may be wrong.
_ODD: Final = 0.3


def undated_windows(store: CaseStore, noticed_at_ns: int | None) -> Windows | None:
    """Windows before anything is known of the onset: around the time it was noticed, else halves.

    Returns:
        None when nothing in the case has a time.
    """
    ranges = {table: found for table in ("spans", "logs", "metrics") if (found := store.time_range(table)) is not None}
    if not ranges and (dumps := store.time_range("heap_classes")) is not None:
        # A dump is a moment; where there is nothing else, it is all the time there is.
        ranges["heap_classes"] = Window(dumps.start_ns - 1, dumps.end_ns + 1)
    if not ranges:
        return None
    whole = Window(min(r.start_ns for r in ranges.values()), max(r.end_ns for r in ranges.values()))
    # Metrics are often exported with hours of history; what was cut out around the incident is the shortest.
    core = min(ranges.values(), key=lambda r: (r.end_ns - r.start_ns, r.start_ns))
    middle = (core.start_ns + core.end_ns) // 2
    # Evidence may end before anybody noticed: then that time parts nothing.
    if noticed_at_ns is not None and whole.start_ns < noticed_at_ns < whole.end_ns:
        middle = noticed_at_ns
    onset_ns = min(max(middle, whole.start_ns + 1), whole.end_ns - 1)
    return Windows(
        baseline=Window(whole.start_ns, onset_ns),
        incident=Window(onset_ns, max(whole.end_ns, onset_ns + 1)),
        onset_ns=onset_ns,
        onset=Window(onset_ns, onset_ns + 1),
        noticed_at_ns=noticed_at_ns,
        method="nothing changed; the middle" if middle != noticed_at_ns else "nothing changed; when it was noticed",
        changed=False,
    )


def date_windows(windows: Windows, findings: Sequence[Finding]) -> Windows:
    """Set the onset from findings that date themselves; the windows as they are when none does.

    Args:
        windows: the whole time of the case and when it was noticed, if anyone says so (`undated_windows`).
        findings: of dated detectors.
    """
    dated = [finding for finding in findings if finding.window is not None]
    # More requests alone are no trouble: a day has its hours.
    if all(finding.mechanism == "traffic_surge" for finding in dated):
        return windows
    start_ns, end_ns = windows.baseline.start_ns, windows.incident.end_ns
    onset_ns, group = _densest(dated, windows.noticed_at_ns)
    onset_ns = min(max(onset_ns, start_ns + 1), end_ns - 1)
    starts = [finding.window.start_ns for finding in group if finding.window]
    # A point may tell of the time until the next one, and be the middle of several.
    lag_ns = round(_LAG * min(finding.number("every_s") for finding in group) * NS_PER_S)
    return Windows(
        baseline=Window(start_ns, onset_ns),
        incident=Window(onset_ns, end_ns),
        onset_ns=onset_ns,
        onset=Window(min(*starts, onset_ns), max(*starts, onset_ns + lag_ns) + 1),
        noticed_at_ns=windows.noticed_at_ns,
        method=f"{len(group)} of {len(dated)} signals that changed agree",
        changed=True,
    )


def _densest(findings: Sequence[Finding], noticed_at_ns: int | None) -> tuple[int, list[Finding]]:
    """The stretch in which most weight of evidence begins, and its first moment of note."""
    weighed = sorted(
        ((f.window.start_ns, _weight(f, noticed_at_ns), f) for f in findings if f.window),
        key=lambda item: (item[0], -item[1], item[2].service, item[2].code),
    )
    best_weight, best = -1.0, weighed[:1]
    for index, (start_ns, _, _) in enumerate(weighed):
        group = [item for item in weighed[index:] if item[0] - start_ns <= _TOGETHER_NS]
        weight = sum(item[1] for item in group)
        if weight > best_weight:
            best_weight, best = weight, group
    # A faint signal that happens to lie before the others does not date them.
    strongest = max(weight for _, weight, _ in best)
    onset_ns = min(start_ns for start_ns, weight, _ in best if weight >= strongest / 2)
    return onset_ns, [finding for _, _, finding in best]


def _weight(finding: Finding, noticed_at_ns: int | None) -> float:
    weight = finding.confidence * (0.1 + finding.severity)
    if noticed_at_ns is None or finding.window is None:
        return weight
    lead_ns = noticed_at_ns - finding.window.start_ns
    return weight if -_LATE_NS <= lead_ns <= _EARLY_NS else weight * _ODD
