"""Who is tried, in what situation, and with what outcome."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from ...domain.citation import Citation
from ...domain.graph import ServiceGraph
from ...domain.window import Window
from ..symptoms.front import Front
from ..symptoms.symptom import Symptom
from .diff import Patch, parse_diff
from .effect import Effect
from .paths import NEVER_RUNS, file_kind

# Above this a change is blamed. Set on cases written for the purpose (tests/detectors/changes), where the strongest
# innocent stays below it.
CONVICTION: Final = 0.35
# Where one of a few changes must have done it, the first of them is told from here on, with those it shares with.
SHARED_CONVICTION: Final = 0.2


@dataclass(frozen=True, slots=True)
class Rollout:
    """One deploy of a change: where and when.

    `void` says why it never reached who is served, '' where it did; `halted` where it stopped half-way.
    `opened_by` is the flip of a flag which, rather than a deploy, let it run then. `told_by` is where it is told,
    None where that is a record of deploys.
    """

    id: str
    service: str
    time_ns: int
    void: str = ""
    halted: bool = False
    opened_by: str = ""
    told_by: Citation | None = None


@dataclass(frozen=True)
class Change:
    """A commit with its deploys; or a deploy whose commit is not known, mostly without a diff; or the flip of a flag.

    `kind` is `commit`, `deploy` or `flag`; `sha` is the id of a change that is no commit. `rollouts` are those that
    went live, `attempts` those that never did (void). `rehearsed` are those of its files that stand beside one of the
    same name for production, and are read in another environment alone.
    """

    sha: str
    message: str
    files: tuple[str, ...]
    diff: str
    time_ns: int
    repo: str = ""
    rollouts: tuple[Rollout, ...] = ()
    kind: str = "commit"
    rehearsed: frozenset[str] = frozenset()
    attempts: tuple[Rollout, ...] = ()

    @property
    def patch(self) -> Patch:
        """What its diff says, read anew each time: all that a long history says at once would take a gigabyte."""
        return parse_diff(self.diff, self.files)

    @property
    def never_runs(self) -> bool:
        """Whether it touches nothing that a running service is made of."""
        return bool(self.files) and all(path in self.rehearsed or file_kind(path) in NEVER_RUNS for path in self.files)

    @property
    def label(self) -> str:
        """What people call it: the short form of a hash, or the whole id."""
        return self.sha[:12] if self.kind == "commit" else self.sha


@dataclass(frozen=True)
class Situation:
    """What changes are judged against.

    Attributes:
        symptoms: what is wrong.
        front: which service failed first, and which are its victims.
        graph: who calls whom.
        onset_ns: when the trouble began, as estimated.
        services: the names of all services.
        deployed: the services that changes went live on; none where that is unknown.
        began: the onset where it was a step that took effect with a deploy: then a change that went live well before is
            as unlikely as one that did after. None where the trouble may have waited for load or data.
        latest_ns: the last moment at which it can have begun; 0 where nothing tells.
        until_ns: when it was last seen; 0 where nothing tells.
        slower: services in which the usual request takes longer, and not only some (`medians.py`).
        unfailing: services of whose calls none fails (`medians.py`).
        uncalled: by the hash of a change, its files in which no request runs what it touches (`routes.py`).
        quick_statements: services whose statements take as long as before (`medians.py`).
        besides: by service, the kinds of all symptoms that it has, tried here or not.
    """

    symptoms: tuple[Symptom, ...]
    front: Front
    graph: ServiceGraph
    onset_ns: int
    services: frozenset[str]
    deployed: frozenset[str] = frozenset()
    began: Window | None = None
    latest_ns: int = 0
    until_ns: int = 0
    slower: frozenset[str] = frozenset()
    unfailing: frozenset[str] = frozenset()
    uncalled: Mapping[str, frozenset[str]] = field(default_factory=dict)
    quick_statements: frozenset[str] = frozenset()
    besides: Mapping[str, frozenset[str]] = field(default_factory=dict)


def deployed(changes: Iterable[Change]) -> frozenset[str]:
    """The services that some change went live on."""
    return frozenset(rollout.service for change in changes for rollout in change.rollouts)


@dataclass(frozen=True)
class Verdict:
    """What the trial of a change gave.

    Attributes:
        change: who was tried.
        score: how likely it did it, 0 to 1.
        effect: what it does that the score rests on, and
        symptom: which symptom that can produce,
        mechanism: by which mechanism.
        rollout: the deploy by which it can have done so.
        tie: how much the change and the symptom speak of the same thing, 0 to 1 (`matching.py`).
        reasons: what speaks for it, in words.
        against: what speaks against it, in words.
        explains: the kinds of symptoms that its effects can produce.
        outshines_none: where scores are shares, whether its own is far above that of no change at all.
        below_none: where scores are shares, whether its own is not even as large as that.
        can_bring: all mechanisms that its effects can bring about.
        eliminated: whether it is held to have done it because no other change can have, whatever it does.
    """

    change: Change
    score: float
    effect: Effect | None = None
    symptom: Symptom | None = None
    mechanism: str = ""
    rollout: Rollout | None = None
    tie: float = 0.0
    reasons: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    explains: tuple[str, ...] = ()
    outshines_none: bool = False
    below_none: bool = False
    can_bring: tuple[str, ...] = ()
    eliminated: bool = False

    @property
    def convicted(self) -> bool:
        """Whether the change is to blame, as far as changes go."""
        at_least = SHARED_CONVICTION if self.outshines_none else CONVICTION
        return self.score >= at_least and not self.below_none
