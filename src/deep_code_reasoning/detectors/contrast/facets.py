"""What requests carry: values of attributes, where they ran, and thresholds of numbers, each as a set of requests."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import Final

from ...domain.separation import Facet, Requests, Trait, requests, separate, threshold
from ...store import CaseStore, Row
from .outcomes import Outcomes

# What only repeats the operation, the way, the protocol or the recorder, and what is itself the outcome. Semantic
# conventions of OpenTelemetry old and new, OpenTracing, Zipkin, Envoy's tags; then plain words for outcomes.
_NO_FACET: Final = re.compile(
    r"(?i)^(https?|url|rpc|grpc|db|sql|messaging|message|code|net|network|server|peer|thread|otel|telemetry|process|"
    r"span|internal|upstream|downstream|node_id|component|sampler|library|scope|event|exception|error|faas|graphql|aws|az|gcp)([._]|$)"
    r"|(^|[._])(status|outcome|result|response|success|failed|failure|error|exception|retry|retries|resend_count|"
    r"attempt|duration|latency|elapsed|took|time|timestamp|stack|stacktrace|trace_?id|span_?id|request_?id|"
    r"correlation_?id)([._]|$)|(^|[._])status_?(code|text)?$"
)
# Of a resource: what differs between processes of one service, and is no name of a process or machine.
_OF_PROCESS: Final = (
    "service.version",
    "cloud.region",
    "cloud.availability_zone",
    "deployment.environment.name",
    "deployment.environment",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.deployment.name",
    "container.image.tag",
    "host.arch",
    "process.runtime.version",
)
# Where a span carries it itself.
_OF_BUILD: Final = re.compile(r"(?i)(?:service[._]|deployment[._])?(?:version|build|release|revision)")
_MAX_LENGTH: Final = 80
_MAX_FACETS: Final = 1_000
# Numbers of fewer kinds than this are names; of more, it is their size that may matter.
_FEW_NUMBERS: Final = 12


@dataclass(frozen=True, slots=True)
class Facets:
    """The requests that have each value, those that have the key at all, and by key each request's number."""

    having: Mapping[Facet, Requests]
    known: Mapping[str, Requests]
    numbers: Mapping[str, Mapping[int, float]]

    def judged(self, outcomes: Outcomes) -> Facets:
        """With the limits of numbers that suit these outcomes."""
        bad = outcomes.bad & outcomes.later
        limits = [threshold(key, values, bad, outcomes.later) for key, values in self.numbers.items()]
        return Facets(
            {**self.having, **dict(filter(None, limits))},
            {**{key: requests(values) for key, values in self.numbers.items()}, **self.known},
            self.numbers,
        )

    def common(self, trait: Trait) -> Requests:
        """The requests that have all facets of a trait."""
        return reduce(and_, (self.having[facet] for facet in trait.facets))

    def separating(self, outcomes: Outcomes, min_bad: int) -> list[Trait]:
        """What sets the bad requests of the later stretch apart, the best first; a place is named once."""
        found = separate(outcomes.bad & outcomes.later, outcomes.later, self.having, self.known, min_bad)
        return [trait for trait in found if sum(is_of_process(facet.key) for facet in trait.facets) < 2]


def is_of_process(key: str) -> bool:
    """Whether a key says where a request ran, and not what it asked for."""
    return "@" in key or _OF_BUILD.fullmatch(key) is not None


def facets_of(store: CaseStore, least: int, service: str = "") -> Facets:
    """The facets of the requests in `request_outcomes` that at least so many of them have.

    Keys are names of attributes; those of a process have its service behind them: `instance@catalog`.

    Args:
        store: the case.
        least: so many requests have a value.
        service: processes of this one only; '' for all.
    """
    _prepare_spans(store)
    having: dict[Facet, Requests] = {}
    known: dict[str, Requests] = {}
    for row in _values(store, service, least):
        known[row["key"]] = requests(row["all"])
        for value, numbers in row["values"]:
            having[Facet(row["key"], value)] = requests(numbers)
    numbers = {str(row["key"]): {int(at): float(value) for at, value in row["values"]} for row in _numbers(store)}
    return Facets(having, known, numbers)


def operations_of(store: CaseStore, least: int) -> dict[Facet, Requests]:
    """By service and operation, and by each step from one service to another: the requests that pass there."""
    rows = store.query(
        """
        SELECT key, value, groupUniqArray(number) AS numbers FROM (
            SELECT r.number AS number,
                   arrayJoin(if(has_parent AND parent_service != service,
                                [('operation', concat(service, ' ', name)),
                                 ('path', concat(parent_service, ' -> ', service))],
                                [('operation', concat(service, ' ', name))])) AS pair, pair.1 AS key, pair.2 AS value
            FROM linked_spans AS s JOIN request_outcomes AS r ON s.trace_id = r.trace_id
        )
        GROUP BY key, value HAVING length(numbers) >= {least:UInt32} ORDER BY key, value LIMIT {most:UInt32}
        """,
        least=least,
        most=_MAX_FACETS,
    )
    return {Facet(row["key"], row["value"]): requests(row["numbers"]) for row in rows}


def _prepare_spans(store: CaseStore) -> None:
    """The table `request_spans`: what the spans of the requests carry; calls outward only repeat it."""
    store.derive(
        "request_spans",
        """
        SELECT r.number AS number, toString(s.service) AS service, toString(s.instance) AS instance,
               toString(s.host) AS host, s.attributes AS attributes, s.resource AS resource,
               CAST(s.number_names, 'Array(String)') AS number_names, CAST(s.status = 'error', 'UInt8') AS failed
        FROM spans AS s JOIN request_outcomes AS r ON s.trace_id = r.trace_id
        WHERE s.kind NOT IN ('client', 'producer')
        """,
        "number UInt32, service LowCardinality(String), instance LowCardinality(String), "
        "host LowCardinality(String), attributes Map(LowCardinality(String), String), "
        "resource Map(LowCardinality(String), String), number_names Array(String), failed UInt8",
    )


def _keys(store: CaseStore, names: str) -> list[str]:
    """Which of the names of attributes (an expression) may tell requests apart."""
    row = store.query(f"SELECT arraySort(groupUniqArrayArray({names})) AS keys FROM request_spans")[0]
    return [str(key) for key in row["keys"] if not _NO_FACET.search(str(key))]


def _values(store: CaseStore, service: str, least: int) -> Sequence[Row]:
    return store.query(
        """
        WITH carried AS (
            SELECT number, arrayJoin(arrayFilter(
                       pair -> pair.2 != '' AND length(pair.2) <= {longest:UInt32},
                       arrayMap(key -> (key, attributes[key]), {keys:Array(String)}))) AS pair
            FROM request_spans
            UNION ALL
            -- Who tries again comes to several processes: the one that failed is told. Where several did, none is.
            SELECT number,
                   (key, arrayJoin(multiIf(empty(at_fault), values, length(at_fault) = 1, at_fault, []))) AS pair
            FROM (
                SELECT number, place.1 AS key, groupUniqArray(place.2) AS values,
                       groupUniqArrayIf(place.2, failing) AS at_fault
                FROM (
                    SELECT number, max(failed) AS failing, arrayJoin(arrayFilter(
                               pair -> pair.2 != '',
                               arrayConcat([(concat('instance@', service), instance), (concat('host@', service), host)],
                                           arrayMap(name -> (concat(name, '@', service), any(resource)[name]),
                                                    {places:Array(String)})))) AS place
                    FROM request_spans WHERE {service:String} IN ('', service) GROUP BY number, service, instance, host
                )
                GROUP BY number, key
            )
        )
        SELECT key, groupUniqArrayArray(numbers) AS all,
               groupArrayIf((value, numbers), length(numbers) >= {least:UInt32}) AS values
        FROM (SELECT pair.1 AS key, pair.2 AS value, groupUniqArray(number) AS numbers FROM carried GROUP BY key, value)
        GROUP BY key HAVING notEmpty(values) AND (length(values) > 1 OR length(all) > length(values[1].2))
        ORDER BY key LIMIT {most:UInt32}
        """,
        keys=_keys(store, "mapKeys(attributes)"),
        longest=_MAX_LENGTH,
        places=list(_OF_PROCESS),
        service=service,
        least=least,
        most=_MAX_FACETS,
    )


def _numbers(store: CaseStore) -> Sequence[Row]:
    """By numeric attribute of many values: the greatest of each request."""
    keys = _keys(store, "number_names")
    if not keys:
        return ()
    return store.query(
        """
        SELECT key, groupArray((number, value)) AS values FROM (
            SELECT number, pair.1 AS key, max(pair.2) AS value FROM (
                SELECT number, arrayJoin(arrayFilter(pair -> isFinite(pair.2), arrayMap(
                           key -> (key, if(has(number_names, key), toFloat64OrZero(attributes[key]), nan)),
                           {keys:Array(String)}))) AS pair
                FROM request_spans
            )
            GROUP BY number, key
        )
        GROUP BY key HAVING uniqExact(value) > {few:UInt32} ORDER BY key LIMIT 100
        """,
        keys=keys,
        few=_FEW_NUMBERS,
    )
