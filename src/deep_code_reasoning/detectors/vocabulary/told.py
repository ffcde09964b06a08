"""The mechanism that an error's text tells outright.

An error says where something failed, and many say how: no space left, a pool that has no connection, a certificate
past its end, a column that is not there. Others (time-outs, refusals, an upstream's 500) speak of somebody else, and
are no more than an exception of who logs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from .lexicon import kinds_of_text

# Kinds of trouble that name their mechanism; of several in one text the first listed is meant.
_TOLD: Final[Mapping[str, str]] = {
    "disk_full": "disk_saturation",
    "oom": "memory_saturation",
    "certificate_expired": "certificate_expired",
    "clock": "clock_skew",
    "deadlock": "deadlock",
    "startup": "startup_failure",
    "dns": "dns_failure",
    "missing_column": "schema_mismatch",
    "missing_table": "schema_mismatch",
    "decode_error": "schema_mismatch",
    "auth": "configuration",
    "lease": "lock_lease_expired",
    "lock_wait": "lock_contention",
    "pool_exhausted": "connection_pool_exhausted",
    "too_many_connections": "connection_pool_exhausted",
    "worker_exhausted": "thread_pool_exhausted",
    "race": "race_condition",
    "rejected_input": "bad_input",
}
TOLD_MECHANISMS: Final = tuple(sorted({"exception", *_TOLD.values()}))
"""All that a text may tell."""

# What a program says that is asked for more than it can do, or of another that no longer answers: nothing of its own.
_OVERLOAD: Final = frozenset(
    {
        "errors", "exception", "server_error", "slow", "timeout", "cancelled", "unreachable", "throttled",
        "pool_exhausted", "worker_exhausted", "too_many_connections", "retry_exhausted", "retries_up", "backlog",
    }
)  # fmt: skip


def told_mechanism(text: str) -> str:
    """The mechanism that an error's text names, `exception` where it names none."""
    kinds = kinds_of_text(text)
    return next((mechanism for kind, mechanism in _TOLD.items() if kind in kinds), "exception")


def is_of_its_own(text: str) -> bool:
    """Whether an error has a reason that neither more load nor another service's failure gives."""
    return bool(set(kinds_of_text(text)) - _OVERLOAD)
