"""Secrets are taken out of a text before it leaves.

Two sets of rules look at it: ours (`secret_rules.py`) and the patterns of detect-secrets, which know more vendors. Of
the latter only the patterns are used: its interface reports parts of what it found (`ghp` of a GitHub token), and its
verification would send secrets to their vendors.

What is taken out leaves `[redacted:KIND]` behind. Line breaks stay, so that a text has as many lines as before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from .secret_rules import RULES, Rule

# Plugins of detect-secrets whose patterns find too little or too much for us; each with the reason.
_PLUGINS: Final = (
    ("artifactory", "ArtifactoryDetector", "artifactory key", ("akc", "ap")),
    ("cloudant", "CloudantDetector", "cloudant key", ("cl",)),
    ("ibm_cloud_iam", "IbmCloudIamDetector", "ibm cloud key", ("key", "pwd", "pass", "token")),
    ("ibm_cos_hmac", "IbmCosHmacDetector", "ibm storage key", ("secret",)),
    ("mailchimp", "MailchimpDetector", "mailchimp key", ("-us",)),
    ("npm", "NpmDetector", "npm token", ("_authtoken",)),
    ("softlayer", "SoftlayerDetector", "softlayer key", ("softlayer", "sl")),
    ("twilio", "TwilioKeyDetector", "twilio key", ("ac", "sk")),
)


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text without secrets, and how many were taken out, by kind."""

    text: str
    counts: tuple[tuple[str, int], ...]


def redact(text: str) -> Redacted:
    """Take the secrets out of a text. Where matches overlap, all that any of them covers goes."""
    lowered = text.lower()
    spans = sorted(
        (start, end, rule.kind)
        for rule in _rules()
        if not rule.hints or any(hint in lowered for hint in rule.hints)
        for start, end in _matches(rule, text)
    )
    parts: list[str] = []
    counts: Counter[str] = Counter()
    done = 0
    for start, end, kind in _merged(spans):
        parts += [text[done:start], f"[redacted:{kind}]", "\n" * text.count("\n", start, end)]
        counts[kind] += 1
        done = end
    parts.append(text[done:])
    return Redacted("".join(parts), tuple(sorted(counts.items())))


def _matches(rule: Rule, text: str) -> Iterator[tuple[int, int]]:
    for match in rule.pattern.finditer(text):
        if rule.holds is None or rule.holds(match):
            yield _span(match)


def _span(match: re.Match[str]) -> tuple[int, int]:
    groups = match.re.groupindex
    for name in ("secret", "double", "single", "bare"):
        if name in groups and match[name] is not None:
            return match.span(name)
    return match.span()


def _merged(spans: list[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Overlapping spans as one, of the kind of the first."""
    current: tuple[int, int, str] | None = None
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


@cache
def _rules() -> tuple[Rule, ...]:
    """All rules. detect-secrets is loaded with the first text, since it takes a moment."""
    import importlib

    theirs = []
    for module_name, class_name, kind, hints in _PLUGINS:
        plugin = getattr(importlib.import_module(f"detect_secrets.plugins.{module_name}"), class_name)
        theirs += [Rule(kind, pattern, hints) for pattern in plugin.denylist]
    return (*RULES, *theirs)
