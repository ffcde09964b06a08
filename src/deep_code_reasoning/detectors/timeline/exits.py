"""Calls that leave the traces: the tables `peer_calls` and `exits`.

peer_calls  a row a call to a peer that is named: who calls, whom, for how long, whether it failed and what was said
exits       those to peers without spans; its_part: it failed for the peer's part; unable: the peer says itself
            that it cannot serve
"""

from __future__ import annotations

from typing import Final

from ...store import CaseStore
from .linked_spans import prepare_linked_spans, taken_traces
from .span_errors import ERROR_TEXT, JOIN_ERRORS, prepare_span_errors

# A name of the internet has a dot; what ends so is a cluster's or a house's own.
ON_THE_INTERNET: Final = r"(?i)\.[a-z]{2,}$"
OUR_OWN: Final = r"(?i)\.(svc|local|internal|cluster|lan|consul|intra|corp|amazonaws\.com)(\.|$)"
# The peer of a call by OpenTelemetry's semantic conventions, newest first, then by what tracers before them wrote. A
# service has few databases: where no address is given, the kind of database stands for it.
_PEERS: Final = (
    "server.address", "net.peer.name", "peer.service", "out.host", "peer.hostname", "peer.address", "url.full",
    "http.url", "db.system.name", "db.system", "db",
)  # fmt: skip
_PEER: Final = "lower(firstNonDefault({}))".format(
    ", ".join(f"domain(attributes['{name}'])" if "url" in name else f"attributes['{name}']" for name in _PEERS)
)
# A client's class stands in each of its errors, and is no pool that ran empty.
_SAID: Final = (
    f"concat(replaceRegexpAll({ERROR_TEXT}, 'HTTPS?ConnectionPool', ''), ' ', attributes['error.type'], ' ', "
    "attributes['http.response.status_code'], ' ', attributes['http.status_code'])"
)
_CALL: Final = (
    "trace_id String, span_id String, service LowCardinality(String), peer String, start_ns Int64, duration_ns Int64, "
    "error String, failed UInt8"
)
# What only the peer can know of itself: that it does not serve now, or not so much.
_UNABLE: Final = (
    r"(?i)\b(429|50[234])\b|service ?unavailable|bad gateway|throttl|rate.?(limit|exceeded)|too many requests|"
    r"throughput.{0,40}exceed|rate (is )?(too )?(large|high)|slow ?down|\bquota|overload|maintenance"
)
_DENIAL: Final = (
    rf"{_UNABLE}|\b500\b|refused|reset|unreachable|unavailable|no route|hang ?up|server error|"
    r"closed (the|by)|terminat|starting up|shutting down"
)
# Silence until the caller's deadline, which is the caller's affair where one answer in so many took longer than that.
_SILENCE: Final = r"(?i)did not answer|timed? ?out|timeout|deadline"
_PATIENT: Final = 0.9
_OUR_PART: Final = (
    r"(?i)\block|deadlock|serializ|statement|pool|circuit|cancel|worker|duplicate|connection is not available"
    r"|bulkhead|semaphore|in.?flight|does not permit"
)


def prepare_exits(store: CaseStore) -> bool:
    """The table `exits`, once: calls to peers without spans, whether each failed, and whether for the peer's part.

    `peer_calls` are those to all peers. False, and no tables, when no span names a peer.
    """
    if not store.may_say("spans", _PEERS):
        return False
    prepare_linked_spans(store)
    prepare_span_errors(store)
    # In a step of its own, so that the spans are read once.
    store.derive(
        "peer_calls",
        f"""
        WITH entered AS (SELECT DISTINCT trace_id, parent_span_id FROM linked_spans WHERE service != parent_service)
        SELECT trace_id, span_id, service, {_PEER} AS peer, start_ns, greatest(0, duration_ns) AS duration_ns,
               {ERROR_TEXT} AS error, CAST(status = 'error', 'UInt8') AS failed,
               {_SAID} AS said,
               (trace_id, span_id) IN (SELECT trace_id, parent_span_id FROM entered) AS inside
        FROM spans {JOIN_ERRORS}
        WHERE kind NOT IN ('server', 'consumer') AND cityHash64(trace_id) % {{every:UInt32}} = 0 AND peer != ''
        """,
        f"{_CALL}, said String, inside UInt8",
        every=taken_traces(store),
    )
    store.derive(
        "exits",
        """
        WITH answers AS (
            SELECT service, peer, quantileExactIf({patient:Float64})(duration_ns, NOT failed) AS usual_ns
            FROM peer_calls GROUP BY service, peer
        )
        SELECT trace_id, span_id, service, peer, start_ns, duration_ns, error, failed,
               failed AND NOT match(said, {ours:String})
                   AND (match(said, {denial:String}) OR (match(said, {silence:String}) AND duration_ns >= usual_ns))
                   AS its_part,
               its_part AND match(said, {unable:String}) AS unable
        FROM peer_calls JOIN answers USING (service, peer)
        WHERE peer NOT IN (SELECT peer FROM peer_calls WHERE inside)
          AND peer NOT IN (SELECT DISTINCT lower(service) FROM linked_spans)
        """,
        f"{_CALL}, its_part UInt8, unable UInt8",
        unable=_UNABLE,
        denial=_DENIAL,
        silence=_SILENCE,
        patient=_PATIENT,
        ours=_OUR_PART,
    )
    return True
