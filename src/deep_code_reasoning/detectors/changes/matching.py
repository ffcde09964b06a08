"""Effects against symptoms: which pair fits best, by what they can do, what they name, where and when they are."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...domain.instant import NS_PER_S
from ..symptoms.symptom import Symptom
from ..vocabulary.words import telling_words, word_set
from .compatibility import capability
from .diff import Patch
from .effect import Effect
from .fit import fit
from .paths import file_kind
from .traits import NEW_CALLS, OF_RULES, QUOTED, REMOTE_EFFECTS
from .trial import Rollout, Situation

_MIN_SUBJECT_LETTERS: Final = 4
# Names that any error of a kind speaks by: that both say them ties nothing.
_OF_THE_KIND: Final[Mapping[str, frozenset[str]]] = {
    "auth": frozenset("token jwt bearer auth authorization credential credentials signature".split()),
    "tls": frozenset("cert certificate handshake".split()),
}
# Of every statement.
_OF_SQL: Final = frozenset("select insert update delete from where order limit join values into group".split())
# What is seen at a queue.
_OF_QUEUES: Final = frozenset({"backlog", "unacked"})
# Numbers whose purpose or unit nothing tells.
_OF_NO_UNIT: Final = frozenset({"constant_lowered", "threshold_lowered", "timeout_lowered"})
# That a number is a limit of time is told by its value alone, which may be chance.
_BY_VALUE: Final = 0.85
# A stack trace that ends in the changed file says more than a word in common.
_IN_ITS_FILE: Final = 1.5
_PATIENCE: Final = frozenset({"timeout", "late_timeout"})


@dataclass(frozen=True, slots=True)
class Match:
    """The effect of a change and the symptom that fit each other best, how far, and the notes that say why.

    `quoted` where the symptom's words quote the very name or value that the change brought.
    """

    score: float
    effect: Effect
    symptom: Symptom
    tie: float
    notes: tuple[str, ...]
    quoted: bool = False


def best_match(
    effects: Sequence[Effect],
    patch: Patch,
    rollout: Rollout | None,
    place: float,
    situation: Situation,
    uncalled: Collection[str] = (),
) -> Match | None:
    """Try every effect on every symptom; None when none can have produced any. No request runs the `uncalled` files."""
    best: Match | None = None
    for effect in (*effects, *_limits_quoted(effects, rollout, situation)):
        for symptom in situation.symptoms:
            strength = capability(effect.kind).strength(symptom.kind)
            if not strength:
                continue
            tie, tied = _tie(effect, patch, symptom, situation)
            place_used = _place_for(effect, symptom, tie, place, rollout, situation)
            score = strength * symptom.weight * effect.sureness * place_used
            score *= fit(effect, patch, symptom, tie, rollout, situation, uncalled)
            notes = [tied] if tied else []
            echo = _value_echo(effect, symptom)
            if echo:
                score *= 1.12
                notes.append(echo)
            if frame := _frame(effect, symptom, rollout):
                score *= _IN_ITS_FILE
                notes.append(frame)
            ramp, ramp_note = ramp_factor(symptom, rollout)
            score *= ramp
            if ramp_note:
                notes.append(ramp_note)
            if best is None or score > best.score:
                quoted = symptom.said and (bool(echo) or (tie >= 1.0 and effect.kind in QUOTED))
                best = Match(score, effect, symptom, tie, tuple(notes), quoted)
    return best


def _frame(effect: Effect, symptom: Symptom, rollout: Rollout | None) -> str:
    """What says that the changed service's own error comes from the changed file; '' where nothing does."""
    name = effect.path.rsplit("/", 1)[-1]
    if not symptom.said or rollout is None or symptom.service != rollout.service or file_kind(effect.path) != "code":
        return ""
    at = re.search(rf"(?<![\w.]){re.escape(name)}[\":,]+(?: line )?\d+", " ".join(symptom.texts)) if name else None
    return f"the error comes from {at[0]}" if at else ""


def _limits_quoted(effects: Sequence[Effect], rollout: Rollout | None, situation: Situation) -> list[Effect]:
    """Numbers whose purpose or unit the diff does not tell, but the changed service: it gives up after just that."""
    after_ms = [
        value
        for symptom in situation.symptoms
        if symptom.kind in _PATIENCE and rollout is not None and symptom.service == rollout.service
        for value, dimension in symptom.numbers
        if dimension == "ms"
    ]
    found = []
    for effect in effects:
        if effect.kind not in _OF_NO_UNIT or effect.dimension or effect.old is None or effect.new is None:
            continue
        for unit_ms in (1.0, 1000.0):
            if any(_same(effect.new * unit_ms, value) for value in after_ms):
                old, new, sureness = effect.old * unit_ms, effect.new * unit_ms, max(_BY_VALUE, effect.sureness)
                found.append(
                    replace(effect, kind="timeout_lowered", old=old, new=new, dimension="ms", sureness=sureness)
                )
    return found


def _place_for(
    effect: Effect, symptom: Symptom, tie: float, place: float, rollout: Rollout | None, situation: Situation
) -> float:
    if rollout is None:
        return place
    if _is_rule_for_others(effect, rollout, situation):
        return max(place, 0.92 if tie >= 1.0 else 0.75)
    if _is_setting_of(effect, symptom.service, rollout, situation):
        return 0.92  # settings of all services are kept in one place, which runs nowhere
    if situation.began is not None and rollout.service and symptom.service:
        if tie >= 1.0 and effect.kind in NEW_CALLS and symptom.service in situation.graph.callees(rollout.service):
            return 0.95  # the time is lost where it now calls, by its own word
        if tie >= 1.0 and effect.kind in REMOTE_EFFECTS and rollout.service not in situation.graph.services:
            return 0.92  # what runs nowhere (a schema) is felt by who names the same thing
        return place_of_loss(rollout.service, symptom.service, situation)
    if rollout.service and rollout.service == symptom.service:
        return max(place, 0.9)
    if symptom.kind in _OF_QUEUES and situation.deployed and symptom.service not in situation.deployed:
        return place  # a queue tells of those who send and those who take, and never of itself
    if tie >= 1.0 and effect.kind in REMOTE_EFFECTS:
        return max(place, 0.92)  # it names the very thing: where it was deployed matters little
    if effect.kind in REMOTE_EFFECTS:
        # Harm done to somebody else: most of all to whom the changed service calls.
        return max(place, 0.88 if rollout.service in situation.graph.callers(symptom.service) else 0.7)
    return place * 0.85  # harm that stays at home, seen elsewhere


def _is_rule_for_others(effect: Effect, rollout: Rollout, situation: Situation) -> bool:
    """Whether it stands in a file of rules or settings of what serves nobody itself: others go by them."""
    serves = {name for call in situation.graph.calls for name in call}
    return (
        effect.kind in OF_RULES
        and file_kind(effect.path) == "config"
        and rollout.service not in {*serves, *(symptom.service for symptom in situation.symptoms)}
    )


def _is_setting_of(effect: Effect, service: str, rollout: Rollout, situation: Situation) -> bool:
    """Whether a setting that runs nowhere itself is one of a service, by its first word (`tariff.half_hourly`)."""
    if rollout.service in situation.graph.services or not effect.kind.endswith(_OF_SETTINGS):
        return False
    others = word_set(*(other for other in situation.services if other != service))
    own = word_set(service) - others
    return any(own & word_set(re.split(r"[._/:-]", subject)[0]) for subject in effect.subjects)


_OF_SETTINGS: Final = ("_flipped", "_raised", "_lowered", "_removed", "setting_changed", "endpoint_changed")


def place_of_loss(changed: str, losing: str, situation: Situation) -> float:
    """How well a changed service fits one that loses time: it is that one, or one that it calls; hardly any other.

    A span's time is measured, so there is no guessing whose it is: what changed elsewhere cannot make it longer, but
    for an answer that takes more calls to make sense of, or a database that both use.
    """
    if changed == losing:
        return 1.0
    if changed in situation.graph.callees(losing):
        return 0.85
    near = {*situation.graph.upstream(losing), *situation.graph.downstream(losing)}
    return 0.3 if changed in near else 0.1


def _tie(effect: Effect, patch: Patch, symptom: Symptom, situation: Situation) -> tuple[float, str]:
    """How much effect and symptom speak of the same thing: 1 for a name, less for shared words, 0 for nothing."""
    text = " ".join(symptom.texts).lower()
    for subject in effect.subjects:
        name = subject.lower()
        if (
            len(name) >= _MIN_SUBJECT_LETTERS
            and name not in _plain(situation)
            and name not in _OF_THE_KIND.get(symptom.kind, ())
            and _is_telling_name(subject)
            and _stands_in(name, text)
        ):
            return 1.0, f"both name `{subject}`"
    if effect.kind == "ids_rounded" and (rounded := _ROUNDED.search(text)):
        return 1.0, f"{rounded[0]} is a number of more than 53 bits, rounded"
    two = _spelt_twice(" ".join(symptom.texts)) if effect.kind == "field_renamed" else ()
    if two and (not effect.subjects or any(_bare(subject) == _bare(two[0]) for subject in effect.subjects)):
        return 1.0, f"`{two[0]}` is spelt `{two[1]}`"
    return tie_of_words(patch, effect.subjects, symptom, situation)


def _spelt_twice(text: str) -> tuple[str, ...]:
    """The two spellings of a name that a text has, of several words each: `meterId` and `MeterId`, `meter_id`."""
    found: dict[str, str] = {}
    for name in _COMPOUND.findall(text):
        if found.setdefault(_bare(name), name) != name:
            return found[_bare(name)], name
    return ()


def _bare(name: str) -> str:
    return re.sub(r"[_-]", "", name).lower()


# Doubles are written with 17 digits at most, and noughts after these.
_ROUNDED: Final = re.compile(r"(?<![\w.])[1-9]\d{13,16}0{2,5}(?![\w.])")
_COMPOUND: Final = re.compile(r"\b[A-Za-z]+(?:[_-][A-Za-z]+|(?<=[a-z])[A-Z][a-z]*)+\b")


def tie_of_words(patch: Patch, subjects: tuple[str, ...], symptom: Symptom, situation: Situation) -> tuple[float, str]:
    """How many telling words a patch shares with a symptom, as a tie (0..0.9), and which."""
    lines = (line.code for line in (*patch.removed, *patch.added))
    mine = telling_words((*subjects, *lines, *patch.files)) - _service_words(situation) - _OF_SQL
    shared = mine & (symptom.words - _service_words(situation))
    if not shared:
        # A word that stands in much code (line, item, user) still tells one setting from another.
        plain = word_set(*subjects) & word_set(*symptom.texts)
        return (0.25, f"both mention {', '.join(sorted(plain)[:4])}") if plain else (0.0, "")
    tie = {1: 0.5, 2: 0.8}.get(len(shared), 0.9)
    return tie, f"both mention {', '.join(sorted(shared)[:4])}"


def _stands_in(name: str, text: str) -> bool:
    return re.search(rf"(?<![\w]){re.escape(name)}(?![\w])", text) is not None


def _is_telling_name(name: str) -> bool:
    return len(telling_words([name]) - _OF_SQL) > 0


def _plain(situation: Situation) -> frozenset[str]:
    return frozenset(name.lower() for name in situation.services)


def _service_words(situation: Situation) -> frozenset[str]:
    return telling_words(situation.services)


def _value_echo(effect: Effect, symptom: Symptom) -> str:
    """Whether telemetry shows the values that the change set: the metric that steps as they do, the limit quoted."""
    if effect.old is None or effect.new is None:
        return ""
    for before, after in symptom.levels:
        if _same(before, effect.old) and _same(after, effect.new):
            return f"a metric goes from {before:.6g} to {after:.6g}, as the diff does"
    if effect.new >= 2 and any(
        _same(value, effect.new) and dimension == effect.dimension for value, dimension in symptom.numbers
    ):
        return f"the value {effect.new:.6g} is what the error quotes"
    return ""


def _same(a: float, b: float) -> bool:
    return abs(a - b) <= 0.02 * max(abs(a), abs(b), 1e-9)


def ramp_factor(symptom: Symptom, rollout: Rollout | None) -> tuple[float, str]:
    """A thing that climbs must not have begun to before the change; that it began with it is strong evidence."""
    if symptom.ramp_ns is None or rollout is None:
        return 1.0, ""
    lead_s = (symptom.ramp_ns - rollout.time_ns) / NS_PER_S
    if lead_s < -300:
        return 0.15, ""
    return (1.1, "the climb began with its deploy") if lead_s <= 1200 else (0.9, "")


def explained(effects: Sequence[Effect], situation: Situation) -> tuple[str, ...]:
    """Kinds of symptoms that a change could account for."""
    return tuple(
        dict.fromkeys(
            symptom.kind
            for symptom in situation.symptoms
            if any(capability(effect.kind).strength(symptom.kind) >= 0.3 for effect in effects)
        )
    )


def coverage(effects: Sequence[Effect], used: Symptom, situation: Situation) -> float:
    """Less than 1 when the first failing service says something more specific that the change cannot produce."""
    own = [s for s in situation.symptoms if s.service == situation.front.first] or list(situation.symptoms)
    top = max((s.weight for s in own), default=used.weight)
    explained = max(
        (s.weight * max((capability(e.kind).strength(s.kind) for e in effects), default=0.0) for s in own), default=0.0
    )
    return 0.5 + 0.5 * min(1.0, explained / (0.7 * top)) if top else 1.0
