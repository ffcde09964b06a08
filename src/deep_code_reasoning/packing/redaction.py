"""Secrets are taken out of a text before it leaves.

Two sets of rules look at it: Kingfisher's, which know the tokens of some hundred vendors and look into base64 too, and
ours (`secret_rules.py`), which know the places where secrets stand in logs, headers, URLs and configuration. Kingfisher
scans in the process and offline; its validation, which asks vendors, is never used.

What is taken out leaves `[redacted:KIND]` behind. Line breaks stay, so that a text has as many lines as before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeAlias

from .secret_rules import RULES, Rule

_Span: TypeAlias = tuple[int, int, str]
# What stands for a secret begins so; it is none itself, when a text is looked through again.
_MARK: Final = "[redacted:"


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without secrets, and how many were taken out, by kind."""

    text: str
    counts: tuple[tuple[str, int], ...]


def redact(text: str) -> Redacted:
    """Take the secrets out of a text. Where matches overlap, all that any of them covers goes."""
    lowered = text.lower()
    spans = list(_known_to_scanner(text))
    for rule in RULES:
        if not rule.hints or any(hint in lowered for hint in rule.hints):
            spans += _matches(rule, text)
    parts: list[str] = []
    counts: Counter[str] = Counter()
    done = 0
    for start, end, kind in _merged(sorted(spans)):
        parts += [text[done:start], f"{_MARK}{kind}]", "\n" * text.count("\n", start, end)]
        counts[kind] += 1
        done = end
    parts.append(text[done:])
    return Redacted("".join(parts), tuple(sorted(counts.items())))


def _matches(rule: Rule, text: str) -> Iterator[_Span]:
    for match in rule.pattern.finditer(text):
        start, end = _secret_span(match)
        if not text.startswith(_MARK, start) and (rule.holds is None or rule.holds(match)):
            yield start, end, rule.kind


def _secret_span(match: re.Match[str]) -> tuple[int, int]:
    for name in ("secret", "double", "single", "bare"):
        if name in match.re.groupindex and match[name] is not None:
            return match.span(name)
    return match.span()


def _known_to_scanner(text: str) -> Iterator[_Span]:
    """What Kingfisher finds. It counts in bytes, which are characters in most texts and not in all."""
    content = text.encode("utf-8", errors="replace")
    for finding in _scanner().scan(content):
        if not finding.visible:  # the name of an account and the like, which only helps to find its key
            continue
        location = finding.location
        start, end = location["start_offset"], location["end_offset"]
        if len(content) != len(text):
            start, end = (len(content[:place].decode("utf-8", errors="ignore")) for place in (start, end))
        yield start, end, finding.rule_id.rpartition(".")[2].replace("-", " ")


@cache
def _scanner() -> Any:
    """Kingfisher with its own rules; they are compiled once a machine (seconds) and kept in the user's cache folder."""
    from kingfisher_sdk import Scanner

    return Scanner()


def _merged(spans: list[_Span]) -> Iterator[_Span]:
    """Overlapping spans as one, of the kind of the first."""
    current: _Span | None = None
    for start, end, kind in spans:
        if start == end:
            continue
        if current is not None and start < current[1]:
            current = (current[0], max(current[1], end), current[2])
            continue
        if current is not None:
            yield current
        current = (start, end, kind)
    if current is not None:
        yield current
