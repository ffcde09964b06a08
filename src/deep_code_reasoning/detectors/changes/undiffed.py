"""Changes whose diff nobody has: feature flags, deploys without a commit, commits exported without their diff.

What such a change does can only be taken from what it is called: a flag's name, a commit's message and files. That is
weak evidence, so it convicts only where several things meet, and never with much confidence: the change reached the
service that failed first (or one that it calls) shortly before the onset, and what it is called and what fails speak
of the same thing in more than one word, or in one word and a message that says that something was taken away, lowered
or replaced. Words of the services' own names do not count, nor do messages that speak of tests, logs or wording.

A flag acts at once: one that was flipped on the very service that fails first, within a minute before it began to,
needs no word in common. That an innocent one is flipped so shortly before, and there, is chance of one in hundreds.

A deploy of which not even a commit is known convicts by its time alone only where it is the one change there is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from ...domain.instant import NS_PER_S
from ..symptoms.symptom import Symptom
from ..vocabulary.words import telling_words
from .compatibility import capability
from .paths import file_kind
from .said import said_effects
from .traits import TELLS
from .trial import Change, Rollout, Situation, Verdict

# Two words in common are seldom chance; one is common enough that the message has to say what was done, too.
_TWO_WORDS: Final = 0.5
_ONE_WORD: Final = 0.42
_TIME_ALONE: Final = 0.38
_MIN_LETTERS: Final = 5
# A flag acts at once; a deploy may take some minutes to roll out, and its code to be reached.
_SHORTLY_S: Final[Mapping[str, int]] = {"flag": 900, "commit": 3600, "deploy": 1800}
_MIN_PLACE: Final = 0.85
# So soon after its flip a flag's work is seen. It is told where nothing but that speaks for it; more surely where its
# name and what fails have a word in common, be it one of the service's name.
_AT_ONCE_S: Final = 60
_AT_ONCE: Final = 0.42
_AT_ONCE_NAMED: Final = 0.5

# What seldom follows from what a message says is as well not of it. That it shows where the change was deployed tells
# enough of the place, whoever failed first (as in `matching.py`).
_FOLLOWS: Final = 0.4
_AT_HOME: Final = 0.9

_ACTS: Final = re.compile(
    r"(?i)\b(remov|drop|delet|disabl|skip|omit|lower|reduc|cut|shrink|slim|tighten|limit|upgrad|bump|migrat|switch|replac|"
    r"rais|increas|enabl|turn|rotat|enforc|requir|revok)\w*"
)
_IDLE: Final = re.compile(
    r"(?i)\b(docs?|document\w*|comments?|typos?|tests?|lint\w*|format\w*|styl\w+|restyl\w+|readme|logs?|logging|"
    r"metrics?|labels?|tid(y|ies)|renam\w+|extract\w*|refactor\w*|mov(e|es|ed)|wording|reword\w*|badge|codeowners)\b"
)
# A migration that renames does what other messages of renaming do not.
_RENAMES: Final = re.compile(r"(?i)\brenam\w+")
# Symptoms that come from outside by their nature: no name of a change speaks for it.
_FROM_OUTSIDE: Final = frozenset({"dns", "certificate_expired"})
# What errors tell that are no sign of a mechanism at work (`traits.TELLS`).
_ERRORS: Final[Mapping[str, str]] = {
    "missing_table": "schema_mismatch",
    "missing_column": "schema_mismatch",
    "decode_error": "schema_mismatch",
    "constraint": "schema_mismatch",
    "throttled": "configuration",
    "disk_full": "disk_saturation",
    "incompatible": "exception",
    "null_reference": "exception",
}


def by_name(verdict: Verdict, place: float, situation: Situation) -> Verdict:
    """Judge a change by what it is called; the verdict as it is when that says nothing.

    Args:
        verdict: of the trial that found no diff.
        place: how well the place of its rollout fits, 0 to 1.
        situation: what fails, and when it began.
    """
    change, rollout = verdict.change, verdict.rollout
    if rollout is None or rollout.halted or not place or not _is_recent(change, rollout, situation):
        return verdict
    best = verdict
    said = telling_words((change.message, *change.files))
    mine = said - telling_words(situation.services)
    at_once = _is_at_once(change, rollout, situation)
    for symptom in situation.symptoms:
        if symptom.service not in (situation.front.first, rollout.service) or symptom.kind in _FROM_OUTSIDE:
            continue
        shared = sorted((said if at_once else mine) & symptom.words)
        near = place if place >= _MIN_PLACE else 0.0
        strength, why = near * _score(change, shared), f"both mention {', '.join(shared[:4])}"
        if at_once and symptom.said:
            strength = near * (_AT_ONCE_NAMED if shared else _AT_ONCE)
            why = why if shared else f"flipped right before {rollout.service} began to fail"
        told = _told(change, symptom) if symptom.service == rollout.service else ""
        if told and strength < (least := max(place, _AT_HOME) * (_TWO_WORDS if shared else _ONE_WORD)):
            strength, why = least, why if shared else "what its message says can do that"
        score = round(strength * symptom.weight**0.25, 4)
        if score > best.score:
            best = _verdict(verdict, symptom, told, score, why)
    return best


def _told(change: Change, symptom: Symptom) -> str:
    """The effect that the message says, which can best produce a symptom; '' where none can."""
    if _IDLE.search(change.message):
        return ""
    kinds = [kind for kind in said_effects(change.message) if capability(kind).strength(symptom.kind) >= _FOLLOWS]
    return max(kinds, key=lambda kind: (capability(kind).strength(symptom.kind), kind), default="")


def by_time_alone(verdicts: Sequence[Verdict], situation: Situation) -> tuple[Verdict, ...]:
    """Convict the one deploy there is, where no commit and no flag is known and it came right before the onset."""
    able = [v for v in verdicts if v.change.rollouts or not v.change.attempts]
    tried = [v for v in able if v.rollout is not None and v.rollout.time_ns <= situation.onset_ns]
    if len(tried) != 1 or len(able) != 1 or able[0].change.kind != "deploy" or not situation.symptoms:
        return tuple(verdicts)
    verdict = able[0]
    rollout = verdict.rollout
    if (
        rollout is None
        or rollout.halted
        or rollout.service != situation.front.first
        or not _is_recent(verdict.change, rollout, situation)
        or is_idle(verdict.change)
    ):
        return tuple(verdicts)
    own = next((s for s in situation.symptoms if s.service == rollout.service), None)
    if own is None or own.kind in _FROM_OUTSIDE:
        return tuple(verdicts)
    guilty = _verdict(verdict, own, "", _TIME_ALONE, f"the only change that is known of, on {rollout.service}")
    return tuple(guilty if v is verdict else v for v in verdicts)


def _is_recent(change: Change, rollout: Rollout, situation: Situation) -> bool:
    return (situation.onset_ns - rollout.time_ns) / NS_PER_S <= _SHORTLY_S[change.kind]


def _is_at_once(change: Change, rollout: Rollout, situation: Situation) -> bool:
    # Who fails first is dated to the moment where it says so; an onset is an estimate from many.
    delay_s = ((situation.front.first_ns or situation.onset_ns) - rollout.time_ns) / NS_PER_S
    return change.kind == "flag" and rollout.service == situation.front.first and 0 <= delay_s <= _AT_ONCE_S


def _score(change: Change, shared: Sequence[str]) -> float:
    if is_idle(change):
        return 0.0
    if len(shared) > 1:
        return _TWO_WORDS
    says_what = change.kind != "flag" and _acts(change)
    return _ONE_WORD if shared and says_what and len(shared[0]) >= _MIN_LETTERS else 0.0


def is_idle(change: Change) -> bool:
    """Whether a change says of itself that it alters nothing of what the system does; a flip of a flag always does."""
    return change.kind != "flag" and _IDLE.search(change.message) is not None and not _acts(change)


def _acts(change: Change) -> bool:
    return _ACTS.search(change.message) is not None or _renames_stored(change)


def _renames_stored(change: Change) -> bool:
    return bool(_RENAMES.search(change.message)) and any(file_kind(path) == "sql" for path in change.files)


def _unknown(change: Change) -> str:
    return "configuration" if change.kind == "flag" else "exception"


def _verdict(verdict: Verdict, symptom: Symptom, told: str, score: float, why: str) -> Verdict:
    mechanism = _ERRORS.get(symptom.kind) or TELLS.get(symptom.kind) or _unknown(verdict.change)
    if told:
        mechanism = capability(told).mechanism_for(symptom.kind)
    change, rollout = verdict.change, verdict.rollout
    what = f"{change.message} on {rollout.service}" if change.kind == "flag" and rollout else "its diff is not known"
    return replace(
        verdict,
        score=score,
        symptom=symptom,
        mechanism=mechanism,
        can_bring=(mechanism,) if told else (),
        reasons=(what, f'{why}: "{(symptom.texts or (symptom.kind,))[0][:120]}"'),
        against=(),
    )
