"""The law that every detector obeys.

A detector is a module with one `DETECTOR` record in it, and a line in `runner.py`. Its `detect(scene, settings)`

- is **pure**: it reads the scene and nothing else; no clock, no randomness, no state between calls. The same case gives
  the same findings in the same order, whatever the order of rows or the hash seed (so: every query is ordered);
- does the heavy work **in the engine**: set queries that return aggregates, never a loop over spans or log records;
- **cites**: every finding carries citations that resolve to rows, the most telling first, a handful at most;
- **declares** what its findings are: a `Kind` for each code they have, by which ranking weighs them;
- says **nothing** when there is nothing: an empty list is "clear". `Skipped` says that it could not look, and why;
- has a frozen `Settings` whose every threshold says why it is what it is. Deviations are judged by robust statistics
  (median, MAD, quantiles), never by mean and sigma.

Its module docstring has the sections *Looks for / Why it matters / Stays silent when / Example finding*.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias, TypeVar

from ..domain.finding import Finding
from ..domain.graph import ServiceGraph
from ..domain.window import Windows
from ..store import CaseStore

Answer = TypeVar("Answer")
Symptom: TypeAlias = Literal["none", "busy", "own", "inherited"]
Family: TypeAlias = Literal["seen", "shown", "measured", "located", "standing", "chronic", "level", "outside", "change"]
Reaction: TypeAlias = Literal["none", "retries", "hedges", "gives_up"]
Place: TypeAlias = Literal["service", "host", "way"]


@dataclass(frozen=True, slots=True)
class Scene:
    """What a detector looks at: a case, its calm and its bad stretch, who calls whom.

    `dated` is what the detectors found that date themselves; these run first and see none of it.
    """

    store: CaseStore
    windows: Windows
    graph: ServiceGraph
    dated: tuple[Finding, ...] = ()


def once_a_case(look: Callable[[Scene], Answer]) -> Callable[[Scene], Answer]:
    """Keep what a pure function of a scene answers for as long as its case is open: several detectors ask the same."""

    @functools.wraps(look)
    def kept(scene: Scene) -> Answer:
        return scene.store.once((look, scene.windows), lambda: look(scene))

    return kept


@dataclass(frozen=True, slots=True)
class Skipped:
    """A detector could not look; `reason` says what was missing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Kind:
    """What the findings of one code are. With nothing said but the code: a hint, of no more weight than an error.

    Attributes:
        code: as it stands in the findings.
        directness: 0..1, how far such a finding speaks for its own service. What can only be the service's own is near
            1; errors and latencies pass along calls, so they are worth less; traffic comes from elsewhere.
        symptom: whether it says that a service serves its callers worse than before.
            `none`: it does not;
            `busy`: it may: a resource of the service is taken up, and whether requests suffer of it others tell;
            `own`: it does, and what is measured lies in the service, or right before it;
            `inherited`: it does, and passes down the graph: a service suffers it when one that it calls is in trouble.
        family: what it is worth as the ground of a first cause (`ranking/calibrate.py` tells how much).
            `seen`: the mechanism itself was seen at work on the very requests that fail. What the services on these
            requests show beside it is what it does to them, and who knows nothing of it is not blamed;
            `shown`: told by what it is; whether a change brought it is another question;
            `measured`: how much longer requests take was measured, and where: what else is odd did not take that time;
            `located`: it says where and when, and leaves open whether a change did it;
            `standing`: always so, without an onset: that does not say that it is the incident;
            `chronic`: an error that every request of an operation logs, which says it least of all;
            `level`: of a service as a whole: it says that the service suffers, hardly ever that it is to blame;
            `outside`: of what came from outside of the system's code;
            `change`: of a change that may have done it (`Finding.change`).
        outright: it is not concluded from errors or times: the resource that is short, the process that does not
            start or the deadline that passes was looked at itself.
        reaction: it may be no more than how a caller takes the trouble of another: it calls again when it failed
            (`retries`) or before it was answered (`hedges`), or waits no longer (`gives_up`). Who calls again and again
            makes so many times the work for all below; who gives up names its deadline (its fact `deadline_ms`).
        unreached: calls of its service do not get there.
        runs_out: it says that there is no more of something: all of a resource is taken.
        errors: what it knows is the text of an error, in its fact `error`.
        place: what is in trouble.
            `service`: the service it is told of;
            `host`: a machine, and with it all that is there (its fact `services`);
            `way`: calls between two services, or between two zones (its fact `services`), and neither of them.
    """

    code: str
    directness: float = 0.7
    symptom: Symptom = "none"
    family: Family = "located"
    outright: bool = False
    reaction: Reaction = "none"
    unreached: bool = False
    runs_out: bool = False
    errors: bool = False
    place: Place = "service"

    @property
    def is_symptom(self) -> bool:
        """Whether it says that a service serves its callers worse than before, or may."""
        return self.symptom != "none"

    @property
    def is_seen(self) -> bool:
        """Whether it shows a mechanism at work on the very requests that fail."""
        return self.family == "seen"

    @property
    def shows_mechanism(self) -> bool:
        """Whether it shows a mechanism itself, be it on the requests that fail or at the resource that is short."""
        return self.is_seen or self.outright


@dataclass(frozen=True, slots=True)
class Detector:
    """The record by which a detector is known.

    Attributes:
        code: its stable name in checks, for example `traces.self_time`.
        kinds: one for every code that its findings have, mostly its own.
        mechanisms: what it can speak for.
        needs: tables that must have rows, else it is skipped with that reason.
        settings: its thresholds.
        detect: `detect(scene, settings)` -> findings, or `Skipped`.
        dated: it dates its own findings (each has a window) and looks at no window of the scene but its end. Such
            detectors run first: the onset is estimated from what they found.
    """

    code: str
    kinds: tuple[Kind, ...]
    mechanisms: tuple[str, ...]
    needs: tuple[str, ...]
    settings: Any
    detect: Callable[[Scene, Any], Sequence[Finding] | Skipped] = field(repr=False)
    dated: bool = False
