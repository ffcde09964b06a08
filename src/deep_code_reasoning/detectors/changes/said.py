"""What a change does by its own account, where nobody has its diff: its message read as an effect."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# Up to four words between what is done and what it is done to: "drop the old optimistic lock".
_GAP: Final = r"(?:\W+\w+){0,4}?\W+"
_TAKEN: Final = r"(?:remov|drop|delet|disabl|skip|bypass|without|no longer|stop|get(?:ting|s)? rid)\w*" + _GAP
_LESS: Final = r"(?:lower|reduc|cut|shrink|shorten|tighten|decreas|halv|slim)\w*" + _GAP
_MORE: Final = r"(?:rais|increas|doubl|add|more|extra|enabl|aggressive)\w*" + _GAP
_SAID: Final[Mapping[str, re.Pattern[str]]] = {
    kind: re.compile(rf"(?i)\b(?:{pattern})")
    for kind, pattern in {
        "ack_removed": r"ack(?:s|ing|nowledge\w*)?\b.*\b(?:after|later|at the end|batch\w*|manual\w*)\b",
        "batch_removed": r"(?:one by one|one at a time|(?:per|for each|for every) (?:row|item|line|entry))\b",
        "cache_removed": rf"{_TAKEN}cach(?:e|es|ing)\b",
        "cache_ttl_lowered": rf"{_LESS}(?:ttl|cache (?:time|age|lifetime))\b",
        "cpu_lowered": rf"{_LESS}cpu\b",
        "dedupe_removed": rf"{_TAKEN}(?:dedup\w*|idempoten\w+)\b",
        "lock_removed": rf"{_TAKEN}(?:lock(?:s|ing)?|mutex|semaphore|version (?:check|column))\b",
        "memory_lowered": rf"{_LESS}(?:memory|heap)\b",
        "pool_lowered": rf"{_LESS}pools?\b",
        "retries_raised": rf"{_MORE}retr(?:y|ies)\b|retr(?:y|ies)\b.*\b(?:up to|at once|immediately|\d+ times)\b",
        "timeout_lowered": rf"{_LESS}(?:time-?outs?|deadlines?)\b",
        "trust_changed": r"(?:slim|small|minimal|tin(?:y|i))\w*" + _GAP + r"(?:base )?images?\b|distroless\b|\balpine\b"
        r"|from scratch image\b|multi-?stage\b|root (?:certificates?|store|cas?)\b|(?:ca|trust)[ -](?:bundle|store)\b",
        "transaction_removed": rf"{_TAKEN}transactions?\b",
        "workers_lowered": rf"{_LESS}(?:workers?|threads?)\b",
    }.items()
}


def said_effects(message: str) -> tuple[str, ...]:
    """The kinds of effects (`compatibility.capabilities`) that a change's message says it has."""
    return tuple(kind for kind, pattern in _SAID.items() if pattern.search(message))
