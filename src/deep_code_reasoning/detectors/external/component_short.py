"""A component without spans that runs short of something, by its own words.

Looks for: what databases, caches, brokers and kernels say when their disk is full, no more connections are taken, their
memory is used up, statements wait for locks, replicas are missing: in the errors of calls to them, or in their own
logs, from some moment on. Where there are no spans, also what a proxy says of one of the servers behind it.

Why it matters: who calls it has the errors, and looks like the culprit; the component has no spans to be looked at.
That its own disk is full only it can know, so whoever repeats the sentence speaks of it.

Stays silent when: such words came before as often; the call names nobody; the peer has spans of its own.

Example finding: `orders-db has no space left, or its disk cannot keep up, since 10:23:04 (86 of 152 calls of orders,
payments; 0 of 410 before): "could not extend file: No space left on device"`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ...domain.citation import Citation, log_citation, span_citation
from ...domain.finding import Finding
from ...domain.instant import format_instant
from ...domain.window import Window
from ...domain.wording import excerpt
from ...store import CaseStore
from ...store.owners import server_named
from ..base import Detector, Kind, Scene
from ..timeline.exits import prepare_exits
from ..timeline.machines import hosts, prepare_machines
from ..timeline.names import mentions
from ..timeline.rises import Rise, rises
from ..timeline.services import traced_services
from ..timeline.time_steps import step_of, time_steps
from ..vocabulary.servers import BEHIND_PROXY, OF_OTHERS, PATTERNS, SHORT, STEMS

_SAID: Final = ", ".join(f"match({{text}}, {{{{{name}:String}}}}), '{name}'" for name in PATTERNS)


@dataclass(frozen=True, slots=True)
class Settings:
    """Thresholds.

    Attributes:
        min_said: fewer are an accident.
        min_rise: the share of calls that are answered so, or of moments in which it is said, must rise by so much.
        min_probability: a finding is told when it is likelier than not.
        told: confidence by the component's own log alone: nobody need suffer of it yet;
        answered: and by what its callers are answered.
        severity: it is not told how many requests fail of it.
    """

    min_said: int = 3
    min_rise: float = 0.05
    min_probability: float = 0.5
    told: float = 0.8
    answered: float = 0.93
    severity: float = 0.9


@dataclass(frozen=True, slots=True)
class _Word:
    """What is said of a component: by whom, how it rose, an example."""

    component: str
    mechanism: str
    callers: tuple[str, ...]
    rise: Rise
    sample: str
    citations: tuple[Citation, ...]


def detect(scene: Scene, settings: Settings) -> Sequence[Finding]:
    """Find components that say that they have run out of something."""
    words: dict[tuple[str, str], list[_Word]] = defaultdict(list)
    for word in (*_answered(scene.store, settings), *_logged(scene, settings)):
        change = word.rise.change
        if change.failures_after >= settings.min_said and change.rate_after - change.rate_before >= settings.min_rise:
            words[word.component, word.mechanism].append(word)
    found = [_finding(scene, said, settings) for _, said in sorted(words.items())]
    return sorted(found, key=lambda f: (-f.confidence, -len(f.texts("services")), f.service))


def _mechanism(text: str) -> str:
    return f"multiIf({_SAID.format(text=text)}, '')"


def _answered(store: CaseStore, settings: Settings) -> Iterator[_Word]:
    """What components without spans answer to those who call them."""
    if not prepare_exits(store):
        return
    prepare_machines(store)
    steps = time_steps(store, "spans")
    rows = store.query(
        f"""
        WITH said AS (
            SELECT if(machine != '', machine, peer) AS component, toString(service) AS caller, trace_id, span_id,
                   start_ns, error, if(failed, {_mechanism("error")}, '') AS mechanism, {step_of("start_ns")} AS step
            FROM exits LEFT ANY JOIN (SELECT machine, lower(host) AS peer FROM machines) AS m USING (peer)
        )
        SELECT component, told AS mechanism, groupUniqArrayArray(callers) AS callers,
               groupArray((step, n, bad)) AS steps, argMin(example, (example.1 = 0, example.1)) AS example
        FROM (
            SELECT component, step, t.told AS told, count() AS n, countIf(mechanism = told) AS bad,
                   groupUniqArrayIf(caller, mechanism = told) AS callers,
                   argMinIf((start_ns, trace_id, span_id, error), start_ns, mechanism = told) AS example
            FROM said JOIN (SELECT DISTINCT component, mechanism AS told FROM said WHERE mechanism != '') AS t
                USING (component)
            GROUP BY component, told, step
        )
        GROUP BY component, told ORDER BY component, told
        """,
        **PATTERNS,
        **steps.parameters(),
    )
    for rise in rises(rows, steps, settings.min_probability, looked_at=len(rows)):
        _, trace, span, error = rise.row["example"]
        callers = tuple(sorted(rise.row["callers"]))
        cited = (span_citation(trace, span),)
        yield _Word(rise.row["component"], rise.row["mechanism"], callers, rise, str(error), cited)


def _logged(scene: Scene, settings: Settings) -> list[_Word]:
    """What components say in logs of their own, or their hosts' kernels in theirs."""
    store, traced = scene.store, sorted(traced_services(scene.store))
    if not store.count("logs"):
        return []
    steps = time_steps(store, "logs", "time_ns", 64)
    # Whom a proxy means by an address, spans know better.
    behind = "''" if traced else "extract(body, {behind:String})"
    rows = store.query(
        f"""
        SELECT toString(service) AS service, toString(host) AS host, {behind} AS upstream,
               if(upstream != '', 'dependency_outage', {_mechanism("body")}) AS mechanism, body, time_ns,
               {step_of("time_ns")} AS step, source_id, line, item
        FROM logs WHERE time_ns > 0 AND service NOT IN {{traced:Array(String)}}
              AND multiSearchAnyCaseInsensitive(body, {{stems:Array(String)}}) AND mechanism != ''
        ORDER BY time_ns, source_id, line, item LIMIT 20000
        """,
        behind=BEHIND_PROXY,
        traced=traced,
        stems=list(STEMS),
        **PATTERNS,
        **steps.parameters(),
    )
    if not rows:
        return []
    known = _machines_named(store)
    said: dict[tuple[str, str], list[dict[str, object]]] = defaultdict(list)
    for row in rows:
        named = (
            row["upstream"]
            or server_named(row["service"], known)
            or (row["host"] if row["host"] in known else row["service"])
        )
        named = named or next(iter(mentions(row["body"], known, "")), "")
        if named:
            said[named, row["mechanism"]].append(row)
    spread = []
    for (component, mechanism), told in sorted(said.items()):
        in_steps = {row["step"] for row in told}
        counted = [(step, 1, int(step in in_steps)) for step in range(steps.count)]
        spread.append({"component": component, "mechanism": mechanism, "steps": counted, "rows": told})
    return [_of_log(store, rise) for rise in rises(spread, steps, settings.min_probability, len(spread))]


def _of_log(store: CaseStore, rise: Rise) -> _Word:
    news = [row for row in rise.row["rows"] if int(row["step"]) >= rise.change.index]
    cited = tuple(
        log_citation(store.source(int(row["source_id"])).name, int(row["line"]), int(row["item"])) for row in news[:3]
    )
    return _Word(rise.row["component"], rise.row["mechanism"], (), rise, str(news[0]["body"]), cited)


def _machines_named(store: CaseStore) -> list[str]:
    """The names of hosts and servers that are measured, or that spans tell of, the longest first."""
    rows = store.query(
        "SELECT DISTINCT attributes['server.address'] AS name FROM spans WHERE name != '' ORDER BY name LIMIT 5000"
    )
    names = {row["name"] for row in rows} | {name for name, host in hosts(store).items() if host.traced | host.measured}
    return sorted(names, key=lambda name: (-len(name), name))


def _finding(scene: Scene, said: Sequence[_Word], settings: Settings) -> Finding:
    word = said[0]
    change, since_ns = word.rise.change, min(one.rise.since_ns for one in said)
    callers = tuple(sorted({caller for one in said for caller in one.callers}))
    stands_on = hosts(scene.store).get(word.component)
    there = sorted(stands_on.traced) if stands_on else []
    service = word.component if not there else max(there, key=lambda name: (len(scene.graph.callers(name)), name))
    of_whom = f"calls of {', '.join(callers)}" if word.callers else "intervals of its log"
    return Finding(
        code="external.component_short",
        mechanism=word.mechanism,
        service=service,
        summary=(
            f"{word.component} {SHORT[word.mechanism]}, since {format_instant(since_ns)} ({change.failures_after} of "
            f"{change.trials_after} {of_whom}; {change.failures_before} of {change.trials_before} before): "
            f'"{excerpt(word.sample, 160)}"'
        ),
        severity=settings.severity,
        confidence=min(word.rise.probability, settings.answered if callers else settings.told),
        facts={
            "services": tuple(sorted({*callers, *there})),
            "callers": callers,
            "said": word.sample[:300],
            "misses_others": bool(OF_OTHERS.search(word.sample)),
            "onset": format_instant(since_ns),
        },
        citations=tuple(dict.fromkeys(citation for one in said for citation in one.citations)),
        window=Window(since_ns, max(since_ns + 1, scene.windows.incident.end_ns)),
        resource=word.component,
    )


DETECTOR: Final = Detector(
    code="external.component_short",
    kinds=(Kind("external.component_short", directness=1.0, family="seen", place="host"),),
    mechanisms=tuple(sorted(SHORT)),
    needs=(),
    settings=Settings(),
    detect=detect,
    dated=True,
)
