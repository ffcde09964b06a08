"""How much manual debugging an answer spared: always an estimate, and labelled as one."""

from __future__ import annotations

from typing import Final

from ..domain.analysis import AnalysisRequest
from ..domain.escalation import TimeSaved
from ..domain.investigation import Investigation

# Assumptions, not measurements: the caller's own estimate goes before them. Half an hour to get hold of the evidence
# and of what is normal; a quarter of an hour to look through one service's traces, logs and metrics; five minutes to
# weigh one change against the symptoms.
START_S: Final = 1_800.0
SERVICE_S: Final = 900.0
CHANGE_S: Final = 300.0


def time_saved(request: AnalysisRequest, investigation: Investigation, changes: int, elapsed_s: float) -> TimeSaved:
    """What finding this by hand would have taken, less what we took; never below zero."""
    if request.manual_debugging_s is not None:
        return TimeSaved(max(0.0, request.manual_debugging_s - elapsed_s), "caller")
    services = {finding.service for finding in investigation.findings if finding.service}
    services |= {service for cause in investigation.causes for service in (cause.service, *cause.blast_radius)}
    by_hand_s = START_S + SERVICE_S * len(services) + CHANGE_S * changes
    return TimeSaved(max(0.0, by_hand_s - elapsed_s), "model")
