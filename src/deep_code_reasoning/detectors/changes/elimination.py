"""Changes that are held to have done it because no other can have, whatever it is that they do.

That convicts where one change of behaviour reached the service that failed first, and is weak evidence: what is wrong
in a way that nobody recognises may as well have come from outside. Against it speak

- another change of the same deploy that fits better, or one that is nearly as suspect and can do what is seen;
- that the service is asked so much more that load explains it;
- that it ran for a while and all was well (`_calm`);
- that a service which nobody changed, and which the changed one does not reach, fails in the same way at the same time
  (`_met_elsewhere`): one change cannot have done both, what both use can.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.instant import NS_PER_S
from ..symptoms.symptom import Symptom
from ..vocabulary.words import telling_words
from .compatibility import capability
from .effect import Effect
from .matching import ramp_factor
from .potency import BENIGN
from .telling import say, when_deployed
from .traits import LATENT, REMOTE_EFFECTS
from .trial import Situation, Verdict

# What elimination alone can prove: it convicts where a change stands out among the others, and never with certainty.
_ELIMINATION: Final = 0.62
# Errors that say what is wanting: no change did it that is not known to do anything to that. Where they say which one
# of many, a word in common is enough.
_WANTING: Final = frozenset({"dns", "certificate_expired", "disk_full"})
_WANTING_BY_NAME: Final = frozenset({"missing_table", "missing_column"})
# As suspect as another, or nearly.
_RIVAL: Final = 0.8
# Code that fails in a way that nobody recognises mostly fails from its first requests on: in the incidents that are
# written down beside the tests it did so within six minutes of its deploy where it shares no word with what fails, and
# within a quarter of an hour where it does. What ran longer and was well is half as suspect with each of these.
_QUIET_S: Final = 300.0
_QUIET_TIED_S: Final = 600.0
_QUIET_HALF_LIFE_S: Final = 900.0
# Services that fail in the same way for the same reason begin to within a few minutes, as each comes to need it.
_TOGETHER_NS: Final = 300 * NS_PER_S
# Words that two error texts share beside those of services, when they say the same thing.
_SAME_WORDS: Final = 2


@dataclass(frozen=True)
class Trial:
    """A change's verdict by what it can produce, and what is needed to judge it by elimination.

    `quoted` where what is seen quotes the change.
    """

    verdict: Verdict
    place: float = 0.0
    suspicion: float = 0.0
    effects: tuple[Effect, ...] = ()
    quoted: bool = False


def by_elimination(trial: Trial, trials: Sequence[Trial], situation: Situation) -> Verdict:
    """Judge a change by what it alone can have done; its verdict as it is where that proves nothing."""
    verdict = trial.verdict
    own = [s for s in situation.symptoms if s.service == situation.front.first]
    # What is lost outside speaks for no change here, unless its diff says how.
    if not own or trial.suspicion == 0 or all(symptom.kind == "slow_outside" for symptom in own):
        return verdict
    said = max(own, key=lambda s: s.weight).kind
    rivals = [other for other in trials if other.suspicion >= _RIVAL * trial.suspicion]
    if trial.effects and not _can(trial, said) and any(_can(other, said) for other in rivals):
        return verdict  # what it does is known to be something else, and what another one does is not
    if any(_went_along(other.verdict, verdict) and other.verdict.score > verdict.score for other in trials):
        return verdict  # it is not the one change: what another one of the same deploy does fits better
    if said in _WANTING or (said in _WANTING_BY_NAME and not verdict.tie):
        return verdict
    share = trial.suspicion / sum(other.suspicion for other in trials)
    if _only_asked_more(trial, situation) or _met_elsewhere(trial, trials, situation):
        return verdict
    climb = min(ramp_factor(symptom, verdict.rollout)[0] for symptom in own)
    fits = (0.85 + 0.3 * verdict.tie) * min(1.0, climb) * _calm(trial, own, situation)
    score = round(_ELIMINATION * trial.suspicion * share**0.5 * fits, 4)
    if score <= verdict.score:
        return verdict
    effect = max((e for e in trial.effects if not BENIGN.search(e.kind)), key=lambda e: e.sureness, default=None)
    mechanism = capability(effect.kind).mechanism_for(own[0].kind) if effect else "exception"
    reasons = (
        *((effect.summary,) if effect else ()),
        f"the one change of behaviour that reached {situation.front.first} before {say(own[0])}",
        *when_deployed(verdict.rollout, situation),
    )
    return Verdict(
        verdict.change,
        score,
        effect,
        own[0],
        mechanism,
        verdict.rollout,
        verdict.tie,
        reasons,
        verdict.against,
        can_bring=mechanisms(trial.effects),
        eliminated=True,
    )


def _only_asked_more(trial: Trial, situation: Situation) -> bool:
    """Whether the changed service is asked so much more that load explains its trouble, and the change cannot bring it.

    A change at home makes nobody ask more, but for those who try again; a size that was cut to a part makes that many
    requests of one. Where errors are told that no load makes, load explains nothing.
    """
    rollout = trial.verdict.rollout
    own = [s for s in situation.symptoms if rollout is not None and s.service == rollout.service]
    more = [after / before for s in own if s.kind == "traffic_up" for before, after in s.levels if before]
    growth = max(more, default=0.0)
    told = max((s.weight for s in own), default=0.0)
    if growth < _BEYOND_RETRIES or not all(s.kind in _OF_LOAD for s in own if s.weight == told):
        return False
    return not any(
        capability(effect.kind).strength("traffic_up") and _times_more(effect) >= growth / _ROUGHLY
        for effect in trial.effects
    )


def _times_more(effect: Effect) -> float:
    """How many requests it can make of one."""
    if not effect.old or not effect.new:
        return math.inf
    return max(effect.old / effect.new, effect.new / effect.old)


# Policies of retries make three to five attempts, seldom ten.
_BEYOND_RETRIES: Final = 10.0
_ROUGHLY: Final = 2.0
# What more requests alone bring about.
_OF_LOAD: Final = frozenset(
    "cpu slow gc timeout pool_exhausted worker_exhausted event_loop memory_step backlog traffic_up".split()
)


def _went_along(other: Verdict, verdict: Verdict) -> bool:
    """Whether two changes went live together."""
    a, b = other.rollout, verdict.rollout
    return a is not None and b is not None and (a.service, a.time_ns) == (b.service, b.time_ns)


def _calm(trial: Trial, own: Sequence[Symptom], situation: Situation) -> float:
    """Less than 1 where a change ran for a while, and all was well, though nothing in it waits for anything.

    What climbs began before it was seen, and some effects wait for data or load (`traits.LATENT`), as does a number of
    fewer bits for one that is too large.
    """
    rollout, tie = trial.verdict.rollout, trial.verdict.tie
    waits = any(effect.kind in LATENT or _is_of_fewer_bits(effect) for effect in trial.effects)
    if rollout is None or waits or any(symptom.ramp_ns is not None for symptom in own):
        return 1.0
    quiet_s = (situation.onset_ns - rollout.time_ns) / NS_PER_S - _QUIET_S - _QUIET_TIED_S * tie
    return float(0.5 ** (max(0.0, quiet_s) / _QUIET_HALF_LIFE_S * (1.0 - tie)))


def _is_of_fewer_bits(effect: Effect) -> bool:
    if effect.kind != "type_changed":
        return False
    widths = [_WIDTH.search(_BITS.get(name.lower(), name)) for name in effect.subjects]
    bits = [int(width[0]) for width in widths if width]
    return len(bits) > 1 and bits[-1] < bits[-2]


# Whole numbers whose width their name does not say, as Java, C# and SQL have them.
_BITS: Final[Mapping[str, str]] = {
    "long": "64",
    "bigint": "64",
    "int": "32",
    "integer": "32",
    "short": "16",
    "smallint": "16",
}
_WIDTH: Final = re.compile(r"(?:8|16|32|64)$")


def _met_elsewhere(trial: Trial, trials: Sequence[Trial], situation: Situation) -> bool:
    """Whether a service that nobody changed, and that has nothing to do with the changed one, says the same as it.

    Both began to within minutes of each other. Nothing is held to be so of what is known to harm others.
    """
    rollout = trial.verdict.rollout
    if rollout is None or not rollout.service:
        return False
    changed = {
        rollout.service,
        *(one.verdict.rollout.service for one in trials if one.suspicion and one.verdict.rollout),
    }
    near = {*situation.graph.upstream(rollout.service), *situation.graph.downstream(rollout.service)}
    own_name = telling_words([rollout.service])
    names = telling_words(situation.services)
    said = [s for s in situation.symptoms if s.said and not _harms_others(trial, s.kind)]
    return any(
        mine.kind == other.kind
        and abs(other.first_ns - mine.first_ns) <= _TOGETHER_NS
        and len((mine.words & other.words) - names) >= _SAME_WORDS
        for mine in said
        if mine.service == rollout.service
        for other in said
        if other.service not in changed | near and not own_name & other.words
    )


def _harms_others(trial: Trial, kind: str) -> bool:
    return any(e.kind in REMOTE_EFFECTS and capability(e.kind).strength(kind) for e in trial.effects)


def mechanisms(effects: Sequence[Effect]) -> tuple[str, ...]:
    """All mechanisms that effects can bring about, those that mostly do no harm apart."""
    known = [capability(effect.kind) for effect in effects if not BENIGN.search(effect.kind)]
    return tuple(sorted({name for can in known for name in (can.mechanism, *can.mechanisms.values())}))


def _can(trial: Trial, symptom: str) -> bool:
    return any(capability(effect.kind).strength(symptom) for effect in trial.effects)
