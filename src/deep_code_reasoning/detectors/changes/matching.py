"""Effects against symptoms: which pair fits best, by what they can do, what they name, where and when they are."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...domain.instant import NS_PER_S
from ..symptoms.symptom import MORE_EACH, Symptom
from ..vocabulary.words import telling_words, word_set
from .code import definition
from .compatibility import capability
from .diff import Patch
from .effect import Effect
from .traits import (
    AT_ONCE,
    NAMED_EFFECTS,
    NAMING,
    NEW_CALLS,
    NEW_NAMES,
    OF_ONE_OPERATION,
    OF_STATEMENTS,
    PASSING,
    REMOTE_EFFECTS,
)
from .trial import Rollout, Situation

_MIN_SUBJECT_LETTERS: Final = 4
# Names that any error of a kind speaks by: that both say them ties nothing.
_OF_THE_KIND: Final[Mapping[str, frozenset[str]]] = {
    "auth": frozenset("token jwt bearer auth authorization credential credentials signature".split()),
    "tls": frozenset("cert certificate handshake".split()),
}
# Of every statement.
_OF_SQL: Final = frozenset("select insert update delete from where order limit join values into group".split())
# What acts from its first request on has mostly been seen before an hour is over.
_AT_ONCE_HALF_LIFE_H: Final = 1.0
# What is seen at a queue.
_OF_QUEUES: Final = frozenset({"backlog", "unacked"})
# What tells why requests are slow, where metrics or messages have it.
_TELLING: Final = frozenset(
    """cache_miss pool_exhausted too_many_connections worker_exhausted lock_wait deadlock retries_up fanout gc
    memory_step memory_growth handle_leak thread_growth event_loop backlog throttled cpu""".split()
)
# Numbers whose purpose or unit nothing tells.
_OF_NO_UNIT: Final = frozenset({"constant_lowered", "threshold_lowered", "timeout_lowered"})
# That a number is a limit of time is told by its value alone, which may be chance.
_BY_VALUE: Final = 0.85
_PATIENCE: Final = frozenset({"timeout", "late_timeout"})
# No migration takes longer.
_PASSED_NS: Final = 3600 * NS_PER_S


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
            score = strength * symptom.weight * effect.sureness * place_used * _closeness(symptom, situation)
            score *= _naming(effect, symptom, tie, situation) * _eases(effect, symptom, rollout) * size(effect)
            score *= passed(effect, rollout, situation) * _promptness(effect, rollout, situation)
            score *= served(effect, patch, symptom, uncalled) * _of_the_usual(effect, symptom, situation)
            score *= _of_failures(effect, rollout, situation) * _of_more_requests(symptom, rollout, situation)
            score *= _borne_out(effect, symptom, situation) * _of_statements(effect, symptom, situation)
            notes = [tied] if tied else []
            echo = _value_echo(effect, symptom)
            if echo:
                score *= 1.12
                notes.append(echo)
            ramp, ramp_note = ramp_factor(symptom, rollout)
            score *= ramp
            if ramp_note:
                notes.append(ramp_note)
            if best is None or score > best.score:
                quoted = symptom.said and (bool(echo) or (tie >= 1.0 and effect.kind in NAMED_EFFECTS | NEW_NAMES))
                best = Match(score, effect, symptom, tie, tuple(notes), quoted)
    return best


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
    kinds = situation.besides.get(symptom.service, frozenset()) & _TELLING
    can = capability(effect.kind)
    return 1.0 + 0.5 * max((can.strength(kind) for kind in kinds if kind != symptom.kind), default=0.0)


def _of_more_requests(symptom: Symptom, rollout: Rollout | None, situation: Situation) -> float:
    """A fifth for calls of another that became no more than the requests of the changed service itself."""
    if symptom.kind != "traffic_up" or rollout is None or rollout.service == symptom.service:
        return 1.0
    asked = [one for one in situation.symptoms if one.kind == symptom.kind and one.service == rollout.service]
    more = max((_growth(one) for one in asked), default=0.0)
    return 0.2 if more and _growth(symptom) <= MORE_EACH * more else 1.0


def _growth(symptom: Symptom) -> float:
    return max((after / before for before, after in symptom.levels if before > 0), default=0.0)


def served(effect: Effect, patch: Patch, symptom: Symptom, uncalled: Collection[str] = ()) -> float:
    """A fifth for code that requests do not run, by its names (a job, a report, an admin's page), where they suffer.

    A tenth where no request asked for it (`routes.py`).

    Unless what suffers is called so itself. What such code takes (processors, locks, connections) others miss too.
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
# What is run by a clock, by hand or for somebody in the house.
_ASIDE: Final = frozenset(
    """admin administration archive archiver backfill batch cleanup cli command commands console cron export exporter
    exports housekeeping job jobs maintenance management nightly rake rebuild reconcile reconciliation recount reindex
    report reporting reports scheduled scheduler script scripts seed seeds sweep sweeper""".split()
)
# Settings called so are of such code alone; others (a batch, a job, a command) are of any.
_ASIDE_BY_SETTING: Final = frozenset(
    """admin archive archiver backfill cleanup cron export exporter exports housekeeping maintenance nightly reconcile
    reconciliation reindex report reporting reports sweep sweeper""".split()
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


def _promptness(effect: Effect, rollout: Rollout | None, situation: Situation) -> float:
    """Down to a half for what would have shown at once, had it been it, and was deployed an hour before or longer."""
    if rollout is None or effect.kind not in AT_ONCE:
        return 1.0
    hours = max(0.0, (situation.onset_ns - rollout.time_ns) / NS_PER_S / 3600)
    return float(max(0.5, 0.5 ** (hours / _AT_ONCE_HALF_LIFE_H)))


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
    return tie_of_words(patch, effect.subjects, symptom, situation)


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
