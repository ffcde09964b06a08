"""Factors that weigh an effect against a symptom, beside what it can produce (`compatibility.py`) and where it is.

Each factor has its reason. One below 1 says that such a pair is rare; none is 0, so that none acquits by itself.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Final

from ...domain.instant import NS_PER_S
from ..symptoms.symptom import MORE_EACH, Symptom
from ..vocabulary.words import word_set
from .code import definition
from .compatibility import capability
from .diff import Patch
from .effect import Effect
from .traits import AT_ONCE, NAMED_EFFECTS, NAMING, NEW_NAMES, OF_ONE_OPERATION, OF_STATEMENTS, PASSING, REASONS
from .trial import Rollout, Situation

# What acts from its first request on has mostly been seen before an hour is over.
_AT_ONCE_HALF_LIFE_H: Final = 1.0
# No migration takes longer.
_PASSED_NS: Final = 3600 * NS_PER_S


def fit(
    effect: Effect,
    patch: Patch,
    symptom: Symptom,
    tie: float,
    rollout: Rollout | None,
    situation: Situation,
    uncalled: Collection[str] = (),
) -> float:
    """The product of all that speaks for and against an effect and a symptom whose words are tied so much."""
    return math.prod(
        (
            _closeness(symptom, situation),
            _naming(effect, symptom, tie, situation),
            _eases(effect, symptom, rollout),
            size(effect),
            passed(effect, rollout, situation),
            _promptness(effect, symptom, rollout, situation),
            served(effect, patch, symptom, uncalled),
            _of_the_usual(effect, symptom, situation),
            _of_failures(effect, rollout, situation),
            _of_more_requests(symptom, rollout, situation),
            _of_statements(effect, symptom, situation),
            _borne_out(effect, symptom, situation),
            _of_waits(effect, rollout, situation),
        )
    )


def _closeness(symptom: Symptom, situation: Situation) -> float:
    """Symptoms of the service that failed first tell most; those of victims, and of what they call, less.

    Curves tell by how much each service moved, and are weighed by that: who lost the time is anybody's guess.
    """
    first = situation.front.first
    if not first or symptom.service == first or (situation.began is not None and not symptom.said):
        return 1.0
    return 0.75 if symptom.service in situation.graph.downstream(first) else 0.65


def _naming(effect: Effect, symptom: Symptom, tie: float, situation: Situation) -> float:
    """Where a symptom names what broke, an effect about something else is hardly its reason."""
    if situation.began is not None and effect.kind in OF_ONE_OPERATION:
        return 0.5 + 0.6 * tie if symptom.said else 0.8  # curves name no operation that it could be about
    if effect.kind.startswith("name_"):
        return 1.0 if tie >= 1.0 else 0.1  # a name alone says something only where it is quoted
    if symptom.kind in NAMING and symptom.names and effect.kind in NAMED_EFFECTS:
        return 1.05 if tie >= 1.0 else 0.25 + 0.5 * tie
    if symptom.kind in NAMING or effect.kind in NAMED_EFFECTS:
        return 0.55 + 0.5 * tie
    return 0.92 + 0.16 * tie


def _eases(effect: Effect, symptom: Symptom, rollout: Rollout | None) -> float:
    """A limit that was raised makes its own service refuse less, and not more."""
    at_home = rollout is not None and rollout.service == symptom.service
    return 0.2 if at_home and effect.kind == "rate_limit_raised" and symptom.kind == "throttled" else 1.0


def _of_the_usual(effect: Effect, symptom: Symptom, situation: Situation) -> float:
    """A fifth for what acts on calls that fail or hang, where the usual request became slower."""
    usual = symptom.kind in ("slow", "slow_outside") and symptom.service in situation.slower
    return 0.2 if usual and effect.kind.startswith(_OF_SOME_CALLS) else 1.0


def _of_failures(effect: Effect, rollout: Rollout | None, situation: Situation) -> float:
    """A tenth for what acts on calls that fail, where none does."""
    spared = rollout is not None and rollout.service in situation.unfailing
    return 0.1 if spared and effect.kind.startswith(_OF_FAILED_CALLS) else 1.0


def _of_statements(effect: Effect, symptom: Symptom, situation: Situation) -> float:
    """A fifth for what makes a statement take longer, where none does."""
    slow = symptom.kind == "slow" and symptom.service in situation.quick_statements
    return 0.2 if slow and effect.kind in OF_STATEMENTS else 1.0


def _borne_out(effect: Effect, symptom: Symptom, situation: Situation) -> float:
    """Up to half as much again for an effect that is known for what else moved where the time is lost."""
    kinds = situation.besides.get(symptom.service, frozenset()) & REASONS
    can = capability(effect.kind)
    return 1.0 + 0.5 * max((can.strength(kind) for kind in kinds if kind != symptom.kind), default=0.0)


def _of_more_requests(symptom: Symptom, rollout: Rollout | None, situation: Situation) -> float:
    """A fifth for calls of another that became no more than the requests of the changed service itself."""
    if symptom.kind != "traffic_up" or rollout is None or rollout.service == symptom.service:
        return 1.0
    asked = [one for one in situation.symptoms if one.kind == symptom.kind and one.service == rollout.service]
    more = max((_growth(one) for one in asked), default=0.0)
    return 0.2 if more and _growth(symptom) <= MORE_EACH * more else 1.0


def _of_waits(effect: Effect, rollout: Rollout | None, situation: Situation) -> float:
    """Half for a deadline that was cut, where others say that they wait for locks: it tells who gives up, not why."""
    if effect.kind != "timeout_lowered" or rollout is None:
        return 1.0
    waits = any(s.kind == "lock_wait" and s.said and s.service != rollout.service for s in situation.symptoms)
    return 0.5 if waits else 1.0


def _growth(symptom: Symptom) -> float:
    return max((after / before for before, after in symptom.levels if before > 0), default=0.0)


def served(effect: Effect, patch: Patch, symptom: Symptom, uncalled: Collection[str] = ()) -> float:
    """A fifth for code that requests do not run, by its names (a job, a report, an admin's page), if requests suffer.

    A tenth for one of the `uncalled` files, whose routes no request asked for (`routes.py`). 1 where what suffers has
    such a name itself, and for symptoms of what all code of a process shares (processors, locks, connections).
    """
    if symptom.kind not in _OF_REQUESTS:
        return 1.0
    if effect.path in uncalled:
        return _UNCALLED_FACTOR
    hunks = [hunk for hunk in patch.running if hunk.path == effect.path]
    functions = {definition(line.code) for hunk in hunks for line in hunk.lines} | {
        definition(hunk.heading) for hunk in hunks
    }
    aside = _ASIDE & (word_set(*functions) if len(functions - {""}) == 1 else frozenset())
    if any(hunk.kind == "code" for hunk in hunks):
        aside |= _ASIDE & word_set(effect.path)  # schedulers of containers call all that they run a job
    aside |= _ASIDE_BY_SETTING & word_set(*effect.subjects)
    return 1.0 if not aside or aside & word_set(*symptom.texts) else _ASIDE_FACTOR


_OF_FAILED_CALLS: Final = ("retries_", "backoff_")
_OF_SOME_CALLS: Final = ("retries_raised", "backoff_", "timeout_raised", "timeout_removed")
# What is run by a clock, by hand or for somebody in the house, as settings are called that are of such code alone; and
# as code is, where settings called so (a batch, a job, a command) are of any.
_ASIDE_BY_SETTING: Final = frozenset(
    """admin archive archiver backfill cleanup cron export exporter exports housekeeping maintenance nightly reconcile
    reconciliation reindex report reporting reports sweep sweeper""".split()
)
_ASIDE: Final = _ASIDE_BY_SETTING | frozenset(
    """administration batch cli command commands console job jobs management rake rebuild recount scheduled scheduler
    script scripts seed seeds""".split()
)
_ASIDE_FACTOR: Final = 0.2
_UNCALLED_FACTOR: Final = 0.1
_OF_REQUESTS: Final = frozenset("slow slow_outside fanout cache_miss timeout errors late_timeout exception".split())


def size(effect: Effect) -> float:
    """How much a change of a number can do: one that at least halves or doubles it all, one by a fifth hardly any."""
    if not effect.old or not effect.new or effect.old < 0 or effect.new < 0:
        return 1.0
    return max(0.35, min(1.0, abs(math.log2(effect.new / effect.old))))


def passed(effect: Effect, rollout: Rollout | None, situation: Situation) -> float:
    """A tenth for an effect that was over before what is seen was: it may have been longer than usual, no more."""
    is_over = rollout is not None and situation.until_ns - rollout.time_ns > _PASSED_NS
    return 0.1 if effect.kind in PASSING and is_over else 1.0


def _promptness(effect: Effect, symptom: Symptom, rollout: Rollout | None, situation: Situation) -> float:
    """Down to a half for what would have shown at once, had it been it, and was deployed an hour before or longer.

    Names that a service comes to use show there at once, and elsewhere when somebody sends them.
    """
    if rollout is None:
        return 1.0
    at_home = effect.kind in NEW_NAMES and rollout.service == symptom.service
    if effect.kind not in AT_ONCE and not at_home:
        return 1.0
    hours = max(0.0, (situation.onset_ns - rollout.time_ns) / NS_PER_S / 3600)
    return float(max(0.5, 0.5 ** (hours / _AT_ONCE_HALF_LIFE_H)))
