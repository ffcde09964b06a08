"""Hypotheses tested by queries over the evidence alone: what each leads one to expect, and whether it is there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from ..detectors import runner
from ..detectors.timeline.graph import service_graph
from ..domain.claim import Claim, ClaimVerdict, citation_or_none
from ..domain.graph import ServiceGraph
from ..domain.instant import format_instant
from ..domain.investigation import Investigation
from ..domain.prediction import Prediction, PredictionOutcome
from ..domain.window import Windows
from ..store import CaseStore
from .checks import live_since
from .ground import Ground
from .verification import verify_claim

# Below so many spans on a side a rate or a quantile says nothing.
_MIN_SPANS: Final = 20
# What counts as changed: a tenth of the requests failing beyond what failed before, or half as slow again. Ordinary
# days differ by less.
_MORE_ERRORS: Final = 0.1
_SLOWER: Final = 1.5
# In so many of its failed traces something that it calls failed too: then it is a victim; and beyond doubt.
_VICTIM: Final = 0.8
_SURELY_VICTIM: Final = 0.95
_MIN_TRACES: Final = 5


@dataclass(frozen=True)
class Trial:
    """The evidence that hypotheses are tested on. Threads may share it: nothing is made in the case meanwhile."""

    ground: Ground
    investigation: Investigation
    store: CaseStore
    graph: ServiceGraph

    @classmethod
    def prepare(cls, ground: Ground, investigation: Investigation, store: CaseStore) -> Trial:
        """Draw the service graph, for which tables are made in the case, once and before anything is tested."""
        return cls(ground, investigation, store, service_graph(store))

    @property
    def windows(self) -> Windows | None:
        """The calm and the bad stretch; None when nothing has a time."""
        return self.investigation.windows


def predict(claim: Claim, trial: Trial) -> tuple[Prediction, ...]:
    """Everything that can be tested of a hypothesis without a model."""
    return tuple(test(claim, trial) for test in TESTS)


def the_evidence_does_not_contradict_it(claim: Claim, trial: Trial) -> Prediction:
    """What it cites is there, and no check speaks against it."""
    name, checked = "the evidence does not contradict it", verify_claim(claim, trial.ground)
    outcomes: dict[ClaimVerdict, PredictionOutcome] = {"verified": "holds", "unverified": "unknown", "refuted": "fails"}
    detail = "; ".join(checked.reasons) or "all that it cites is in the evidence"
    return Prediction(name, outcomes[checked.verdict], detail, checked.resolved, fatal=True)


def its_change_came_before(claim: Claim, trial: Trial) -> Prediction:
    """The change that it blames was live before it began."""
    name, windows = "its change came before the onset", trial.windows
    change = citation_or_none(claim.change) if claim.change else None
    if change is None or windows is None or not windows.changed:
        return Prediction(name, "unknown", "no change is blamed" if change is None else "the onset is not known")
    live_ns = live_since(change, trial.ground, trial.store)
    if live_ns is None:
        return Prediction(name, "unknown", f"the case does not say when {change} was live")
    outcome: PredictionOutcome = "holds" if live_ns <= windows.onset.end_ns else "fails"
    detail = f"live at {format_instant(live_ns)}; it began about {format_instant(windows.onset_ns)}"
    # That it came before is true of most changes, and so tells little.
    return Prediction(name, outcome, detail, (str(change),), fatal=True, weight=0.5)


def its_service_changed(claim: Claim, trial: Trial) -> Prediction:
    """Its service failed more, or took longer, in the bad stretch than in the calm one."""
    name, windows = "its service behaves differently since the onset", trial.windows
    if not claim.service or windows is None:
        return Prediction(name, "unknown", "no service is named" if not claim.service else "nothing has a time")
    row = trial.store.query(_BEFORE_AND_AFTER, service=claim.service, **_stretches(windows))[0]
    calm, bad = int(row["calm"]), int(row["bad"])
    errors_before, errors_after = int(row["calm_errors"]), int(row["bad_errors"])
    if calm >= _MIN_SPANS and bad < calm * 0.1:
        return Prediction(name, "holds", f"{bad} spans, after {calm} in the calm stretch")
    if min(calm, bad) < _MIN_SPANS:
        return Prediction(name, "unknown", f"{calm} spans in the calm stretch and {bad} in the bad one tell nothing")
    slower = float(row["bad_p95"]) / max(1.0, float(row["calm_p95"]))
    changed = errors_after / bad > errors_before / calm + _MORE_ERRORS or slower >= _SLOWER
    detail = (
        f"{errors_after} of {bad} spans failed, {errors_before} of {calm} before; "
        f"95th percentile {slower:.2f} times the calm one"
    )
    return Prediction(name, "holds" if changed else "fails", detail)


def it_is_no_victim(claim: Claim, trial: Trial) -> Prediction:
    """Where its service fails, what it calls does not fail: else the cause lies below it."""
    name, windows = "it fails while what it calls does not", trial.windows
    if not claim.service or windows is None or not trial.store.count("spans"):
        return Prediction(name, "unknown", "there are no spans of its service to tell by", weight=2.0)
    failed, victims, _ = _failing_below(claim.service, windows, trial)
    if failed < _MIN_TRACES:
        return Prediction(name, "unknown", f"it failed in {failed} traces, too few to tell", weight=2.0)
    share = victims / failed
    detail = f"in {victims} of the {failed} traces in which it failed, something that it calls failed too"
    outcome: PredictionOutcome = "fails" if share >= _VICTIM else "holds" if share <= 1 - _VICTIM else "unknown"
    return Prediction(name, outcome, detail, fatal=share >= _SURELY_VICTIM, weight=2.0)


def culprits(claim: Claim, trial: Trial) -> tuple[Claim, ...]:
    """The hypothesis that follows where a claim's service is a victim: the service below which nothing fails."""
    if not claim.service or trial.windows is None:
        return ()
    failed, _, by_service = _failing_below(claim.service, trial.windows, trial)
    if failed < _MIN_TRACES:
        return ()
    guilty = {service for service, traces in by_service.items() if traces / failed >= _VICTIM}
    last = sorted(service for service in guilty if not guilty.intersection(trial.graph.downstream(service)))
    return tuple(Claim("cause", f"{service} fails, and {claim.service} with it", service) for service in last)


def _failing_below(service: str, windows: Windows, trial: Trial) -> tuple[int, int, dict[str, int]]:
    """Of the bad stretch: traces in which a service failed; those in which something that it calls failed too; and
    in how many of them each service that it calls did."""
    rows = trial.store.query(
        _FAILING_BELOW,
        service=service,
        below=list(trial.graph.downstream(service)),
        start=windows.incident.start_ns,
        end=windows.incident.end_ns,
    )
    traces = {str(row["service"]): int(row["traces"]) for row in rows}
    victims = sum(int(row["victims"]) for row in rows if not row["service"])
    return traces.pop("", 0), victims, traces


def an_analyser_saw_its_mechanism(claim: Claim, trial: Trial) -> Prediction:
    """Those who look for its mechanism saw it, in its service."""
    name = "an analyser sees its mechanism"
    if not claim.mechanism:
        return Prediction(name, "unknown", "no mechanism is named")
    seen = [f for f in trial.investigation.findings if f.mechanism == claim.mechanism]
    here = [f for f in seen if not claim.service or f.service == claim.service]
    if here:
        cited = tuple(str(citation) for finding in here[:3] for citation in finding.citations[:2])
        return Prediction(name, "holds", here[0].summary, cited)
    known = [d.code for d in runner.detectors() if claim.mechanism in d.mechanisms]
    looked = [c.detector for c in trial.investigation.checks if c.detector in known and c.looked]
    if not looked:
        return Prediction(name, "unknown", f"no analyser could look for {claim.mechanism}")
    where = f"in {', '.join(sorted({f.service for f in seen}))}, not in its service" if seen else "nowhere"
    return Prediction(name, "fails", f"{', '.join(looked)} looked, and saw it {where}")


def _stretches(windows: Windows) -> dict[str, int]:
    return {
        "calm_from": windows.baseline.start_ns,
        "calm_to": windows.baseline.end_ns,
        "bad_from": windows.incident.start_ns,
        "bad_to": windows.incident.end_ns,
    }


_BEFORE_AND_AFTER: Final = """
    SELECT countIf(before) AS calm, countIf(after) AS bad,
           countIf(before AND failed) AS calm_errors, countIf(after AND failed) AS bad_errors,
           ifNotFinite(quantileExactIf(0.95)(duration_ns, before), 0) AS calm_p95,
           ifNotFinite(quantileExactIf(0.95)(duration_ns, after), 0) AS bad_p95
    FROM (
        SELECT duration_ns, status = 'error' AS failed,
               start_ns >= {calm_from:Int64} AND start_ns < {calm_to:Int64} AS before,
               start_ns >= {bad_from:Int64} AND start_ns < {bad_to:Int64} AS after
        FROM spans WHERE service = {service:String}
    )
"""
# A row for each service that fails below, and one, without a name, for all traces together.
_FAILING_BELOW: Final = """
    SELECT arrayJoin(arrayConcat(below, [''])) AS service, count() AS traces, countIf(notEmpty(below)) AS victims
    FROM (
        SELECT groupUniqArrayIf(toString(service), has({below:Array(String)}, toString(service))) AS below
        FROM spans WHERE start_ns >= {start:Int64} AND start_ns < {end:Int64} AND status = 'error'
        GROUP BY trace_id HAVING countIf(service = {service:String}) > 0
    )
    GROUP BY service ORDER BY service
"""
TESTS: Final[Sequence[Callable[[Claim, Trial], Prediction]]] = (
    the_evidence_does_not_contradict_it,
    its_change_came_before,
    its_service_changed,
    it_is_no_victim,
    an_analyser_saw_its_mechanism,
)
