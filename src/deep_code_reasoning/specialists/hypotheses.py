"""Hypotheses: from the analysers' causes and findings, from words of people, each said once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from ..detectors.vocabulary.lexicon import kinds_of_text
from ..detectors.vocabulary.words import telling_words
from ..domain.citation import change_citation
from ..domain.claim import Claim, Proof
from ..domain.investigation import Investigation
from ..domain.mechanisms import MECHANISMS
from ..store import CaseStore

# Two sentences that share so many of their telling words say the same.
_SAME_WORDS: Final = 0.7
_SHA: Final = re.compile(r"\b[0-9a-f]{7,40}\b")
# Kinds of trouble that people speak of, and the mechanism that they mean.
_MECHANISM_OF: Final[Mapping[str, str]] = {
    "race": "race_condition",
    "pool_exhausted": "connection_pool_exhausted",
    "too_many_connections": "connection_pool_exhausted",
    "worker_exhausted": "thread_pool_exhausted",
    "retries_up": "retry_storm",
    "oom": "memory_saturation",
    "memory_growth": "memory_leak",
    "deadlock": "deadlock",
    "lock_wait": "lock_contention",
    "lease": "lock_lease_expired",
    "unacked": "unacknowledged_messages",
    "backlog": "message_backlog",
    "dns": "dns_failure",
    "certificate_expired": "certificate_expired",
    "config_missing": "configuration",
    "startup": "startup_failure",
    "disk_full": "disk_saturation",
    "cache_miss": "cache_stampede",
    "fanout": "n_plus_one",
    "clock": "clock_skew",
    "missing_table": "schema_mismatch",
    "missing_column": "schema_mismatch",
    "decode_error": "schema_mismatch",
    "null_reference": "exception",
    "exception": "exception",
    "slow": "latency_regression",
}


def of_analysers(investigation: Investigation) -> tuple[tuple[str, Claim], ...]:
    """(origin, hypothesis): the ranked causes, then what findings speak for beside them, the strongest first."""
    found = []
    for cause in investigation.causes:
        change = cause.change
        cited = None if change is None else str(change_citation(change.kind, change.id, change.repo or ""))
        proofs = tuple(Proof(str(citation)) for citation in cause.citations)
        claim = Claim("cause", cause.summary, cause.service, cause.mechanism, cited, None, cause.confidence, proofs)
        found.append((f"cause {cause.rank}", claim))
    for finding in sorted(investigation.findings, key=lambda f: (-f.severity * f.confidence, f.code, f.summary)):
        proofs = tuple(Proof(str(citation)) for citation in finding.citations)
        claim = Claim("cause", finding.summary, finding.service, finding.mechanism, proofs=proofs)
        found.append((f"finding {finding.code}", claim))
    return tuple(found)


def of_words(text: str, store: CaseStore, services: Iterable[str]) -> Claim:
    """What a sentence claims, as far as it can be read without a model: a service, a mechanism, a change."""
    lowered = text.lower()
    named = [s for s in services if re.search(rf"(?<![\w-]){re.escape(s.lower())}(?![\w-])", lowered)]
    return Claim(
        role="cause",
        statement=text,
        service=max(named, key=len, default=None),
        mechanism=_mechanism(lowered),
        change=_change(lowered, store),
    )


def distinct(claim: Claim, others: Iterable[Claim]) -> bool:
    """Whether a hypothesis says something that none of the others says."""
    return not any(_same(claim, other) for other in others)


def _same(left: Claim, right: Claim) -> bool:
    if left.service and right.service and left.mechanism and right.mechanism:
        changes = {left.change, right.change} - {None}
        return (left.service, left.mechanism) == (right.service, right.mechanism) and len(changes) < 2
    a, b = telling_words([left.statement]), telling_words([right.statement])
    return bool(a | b) and len(a & b) / len(a | b) >= _SAME_WORDS


def _mechanism(text: str) -> str | None:
    spoken = text.replace("n+1", "n plus one")
    for mechanism in MECHANISMS:
        if all(word in spoken for word in mechanism.split("_")):
            return mechanism
    return next((_MECHANISM_OF[kind] for kind in kinds_of_text(text) if kind in _MECHANISM_OF), None)


def _change(text: str, store: CaseStore) -> str | None:
    """The one change of the case whose id stands in the text; None when there is none, or several."""
    words = _SHA.findall(text)
    rows = store.query(
        "SELECT DISTINCT toString(kind) AS kind, id, toString(repo) AS repo FROM changes "
        "WHERE position({text:String}, lower(id)) > 0 "
        "OR arrayExists(w -> startsWith(lower(id), w), {words:Array(String)}) "
        "ORDER BY kind, id, repo LIMIT 2",
        text=text,
        words=words,
    )
    return str(change_citation(rows[0]["kind"], rows[0]["id"], rows[0]["repo"])) if len(rows) == 1 else None
