"""Which change did it: each one's effects against the symptoms, its time against the onset, its place against theirs.

A change is convicted only when its diff can produce what is seen. That it came right before the onset, or touched the
service that fails, never suffices; that it came after the onset, or does nothing but move, rename or log, acquits it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

from ...domain.instant import NS_PER_S
from ...domain.wording import stretch
from ..symptoms.front import Front
from ..vocabulary.words import words
from .compatibility import capability
from .deeds import History
from .diff import Patch
from .effect import Effect
from .elimination import Trial, by_elimination, mechanisms
from .fit import passed, served
from .matching import best_match, coverage, explained, place_of_loss, tie_of_words
from .paths import file_kind
from .potency import only_adds_uncalled
from .telling import say, when_deployed
from .traits import LATENT
from .trial import Change, Rollout, Situation, Verdict
from .undiffed import by_name, by_time_alone

# A change deployed this long after the estimated onset may still have come before it: onsets are read from metrics
# that are scraped once or twice a minute, and from requests that had begun before; and a deploy is often dated when the
# last of its instances was ready.
ONSET_SLACK_NS: Final = 60 * NS_PER_S
# A rollout that stopped half-way may have reached few requests: it convicts by what its diff does alone.
_HALTED: Final = 0.6
_SUSPICION_HALF_LIFE_H: Final = 8.0
_HALF_LIFE_H: Final = 36.0
# A step takes effect when its change is live everywhere: within an hour or two of the deploy.
_STEP_HALF_LIFE_H: Final = 1.0
_TOO_EARLY: Final = 0.1
# What waits for data, traffic or time to show is as old as it may be, but less likely than what was done just now.
_LATENT: Final = 0.6


# How well a change fits that may have been anywhere, or trouble that may be anybody's.
_ANYWHERE: Final = 0.8


def judge(history: History, situation: Situation) -> tuple[Verdict, ...]:
    """Try every change; the likeliest culprit comes first.

    Where no change has an effect that is known to produce what is seen, the one that changed behaviour where the
    trouble began, while all others did next to nothing, is held to have done it: by elimination, and with less score.
    Changes without a diff (flags among them) are then judged by what they are called (`undiffed.py`).
    """
    trials = [_try(change, history, situation) for change in history.changes]
    verdicts = [trial.verdict for trial in trials]
    if not any(verdict.convicted for verdict in verdicts):
        verdicts = [
            by_elimination(trial, trials, situation)
            if trial.verdict.change.diff
            else by_name(trial.verdict, trial.place, situation)
            for trial in trials
        ]
    if not any(verdict.convicted for verdict in verdicts):
        verdicts = list(by_time_alone(verdicts, situation))
    return tuple(sorted(verdicts, key=lambda v: (-v.score, -(v.rollout.time_ns if v.rollout else 0), v.change.sha)))


def _try(change: Change, history: History, situation: Situation) -> Trial:
    told_since = _told_since(change, situation)
    if told_since is not None:
        late = _weigh(change, history, told_since)
        if late.quoted:
            return late
    return _weigh(change, history, situation)


def _told_since(change: Change, situation: Situation) -> Situation | None:
    """The situation for a change that went live after the onset: what is said only since then.

    None for a change that went live in time, and where nothing is said since. The onset is that of all trouble
    together, and the first of it may have other reasons.
    """
    live = [rollout for rollout in change.rollouts if rollout.time_ns > _latest(situation)]
    if not live or len(live) < len(change.rollouts) or not change.diff:
        return None
    since_ns = min(rollout.time_ns for rollout in live)
    told = [s for s in situation.symptoms if s.said and since_ns <= s.first_ns + ONSET_SLACK_NS]
    if not told:
        return None
    first = min(told, key=lambda s: s.first_ns)
    victims = tuple(name for name in situation.front.failing if name != first.service)
    front = Front(first.service, victims, first.first_ns)
    return replace(
        situation, symptoms=tuple(told), front=front, onset_ns=first.first_ns, latest_ns=first.first_ns, began=None
    )


def _latest(situation: Situation) -> int:
    """The last moment at which a change can have been deployed that did it."""
    return max(situation.latest_ns, situation.onset_ns) + ONSET_SLACK_NS


def _weigh(change: Change, history: History, situation: Situation) -> Trial:
    rollout, place, time, against = _circumstances(change, situation)
    if time == 0:
        return Trial(Verdict(change, 0.0, rollout=rollout, against=against))
    if change.never_runs:
        kinds = sorted({file_kind(path) for path in change.files})
        return Trial(
            Verdict(change, 0.0, rollout=rollout, against=(*against, f"touches only {' and '.join(kinds)} files"))
        )
    if not change.diff:
        unknown = "nothing that fails speaks of it" if change.kind == "flag" else "its diff is not known"
        return Trial(Verdict(change, 0.0, rollout=rollout, against=(*against, unknown)), place)
    deeds, patch = history.deeds(change), history.patch(change)
    effects = deeds.effects
    uncalled = situation.uncalled.get(change.sha, frozenset())
    power = deeds.power * _still_felt(effects, patch, rollout, situation, uncalled)
    suspicion = power * place * _recent_deploy(rollout, situation)
    best = best_match(effects, patch, rollout, place, situation, uncalled)
    if best is None:
        tie = max((tie_of_words(patch, (), symptom, situation)[0] for symptom in situation.symptoms), default=0.0)
        return Trial(
            Verdict(change, 0.0, rollout=rollout, tie=tie, against=(*against, deeds.why)), place, suspicion, effects
        )
    effect, symptom = best.effect, best.symptom
    if effect.kind in LATENT and rollout is not None:
        time = max(time, _LATENT * _recency(rollout.time_ns, situation.onset_ns))
    # What the diff shows no call of may run or not.
    reach = 0.6 if only_adds_uncalled(patch) else 1.0
    score = min(1.0, best.score * time * reach * coverage(effects, symptom, situation))
    reasons = (
        effect.summary,
        f"which can cause what is seen: {say(symptom)}",
        *best.notes,
        *when_deployed(rollout, situation),
    )
    mechanism = capability(effect.kind).mechanism_for(symptom.kind)
    verdict = Verdict(
        change,
        round(score, 4),
        effect,
        symptom,
        mechanism,
        rollout,
        best.tie,
        reasons,
        against,
        explained(effects, situation),
        can_bring=mechanisms(effects),
    )
    return Trial(verdict, place, suspicion, effects, best.quoted)


def _still_felt(
    effects: Sequence[Effect],
    patch: Patch,
    rollout: Rollout | None,
    situation: Situation,
    uncalled: Collection[str],
) -> float:
    """Less than 1 where all that a change does was over before, or is not what requests run."""
    own = [symptom for symptom in situation.symptoms if symptom.service == situation.front.first]
    return max(
        (
            passed(effect, rollout, situation)
            * max((served(effect, patch, symptom, uncalled) for symptom in own), default=1.0)
            for effect in effects
        ),
        default=1.0,
    )


def _recent_deploy(rollout: Rollout | None, situation: Situation) -> float:
    """Time speaks louder where nothing else does: what came long before had its chance to break things earlier."""
    if rollout is None:
        return 0.0
    reach = _HALTED if rollout.halted else 1.0
    if situation.began is not None:
        return reach * _timeliness(rollout.time_ns, situation)
    hours = max(0.0, (situation.onset_ns - rollout.time_ns) / NS_PER_S / 3600)
    return float(reach * 0.5 ** (hours / _SUSPICION_HALF_LIFE_H))


# --- time and place ---------------------------------------------------------------------------------------------------


def _circumstances(change: Change, situation: Situation) -> tuple[Rollout | None, float, float, tuple[str, ...]]:
    """The rollout that may have done it, how well its place fits, how well its time does, and what speaks against."""
    began = situation.began
    limit = _latest(situation)
    if not change.rollouts and change.attempts:
        return change.attempts[-1], 0.0, 0.0, (change.attempts[-1].void,)
    if not change.rollouts:
        if change.time_ns > limit:
            return None, 0.0, 0.0, ("made after the onset",)
        if situation.deployed:
            return None, 0.3, _timeliness(change.time_ns, situation), ("not among the deploys",)
        return None, _place_by_path(change, situation), _timeliness(change.time_ns, situation), ()
    before = [rollout for rollout in change.rollouts if rollout.time_ns <= limit]
    if not before:
        first = min(change.rollouts, key=lambda r: r.time_ns)
        late = stretch((first.time_ns - situation.onset_ns) / NS_PER_S)
        return first, 0.0, 0.0, (f"deployed {late} after the onset",)
    best = max(before, key=lambda r: (_timeliness(r.time_ns, situation) * _place(r.service, situation), r.time_ns))
    time = _timeliness(best.time_ns, situation) * (_HALTED if best.halted else 1.0)
    lead_s = (began.start_ns - best.time_ns) / NS_PER_S if began else 0.0
    early = (f"deployed {stretch(lead_s)} too early",) if began and time < 0.5 else ()
    return best, _place(best.service, situation), time, early


def _timeliness(time_ns: int, situation: Situation) -> float:
    began = situation.began
    if began is None:
        return _recency(time_ns, situation.onset_ns)
    hours = max(0.0, (began.start_ns - time_ns) / NS_PER_S / 3600)
    return float(max(_TOO_EARLY, 0.5 ** (hours / _STEP_HALF_LIFE_H)))


def _recency(time_ns: int, onset_ns: int) -> float:
    hours = max(0.0, (onset_ns - time_ns) / NS_PER_S / 3600)
    return float(max(0.35, 0.5 ** (hours / _HALF_LIFE_H)))


def _place(service: str, situation: Situation) -> float:
    front = situation.front
    if situation.began is not None and service and front.first:
        return place_of_loss(service, front.first, situation)
    if not service or not front.first:
        return _ANYWHERE
    if service == front.first:
        return 1.0
    if service in situation.graph.downstream(front.first):
        return 0.85
    if service in front.victims:
        return 0.7
    if situation.deployed and front.first not in situation.deployed:
        return _ANYWHERE  # a queue, a cache or a machine: it is used, and never changed
    if service in situation.graph.upstream(front.first):
        return 0.6
    return 0.45


def _place_by_path(change: Change, situation: Situation) -> float:
    mine = {word for path in change.files for word in words(path)}
    name = set(words(situation.front.first)) - {"service", "svc", "api", "server"}
    return 0.95 if name & mine else 0.7
