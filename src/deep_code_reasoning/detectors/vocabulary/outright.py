"""Sentences that say outright by which mechanism something went wrong.

The kinds of `lexicon.py` tell what a text is about; many are mere consequences. A sentence here states the fact itself:
what is locked and who waits for whom, what was done twice, which came after which. Its words are those of runtimes,
kernels, orchestrators and lock services where there are any, and generic verbs where programs check themselves.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final

SAYINGS: Final = {
    "deadlock": "threads wait for each other's locks",
    "lock_lease_expired": "a lock or lease was lost while its holder still worked",
    "race_condition": "what was to be done once was done twice, or out of order",
    "wrong_result": "a result differs from what it should be",
    "memory_saturation": "memory is used up: the process is stopped for garbage, or killed",
}
"""Mechanisms, and in a few words what their sentences say; of two in one text the first is meant."""

_DONE: Final = (
    r"(?:claim|tak|book|reserv|assign|allocat|sold|sell|grant|post|pa(?:id|y)|charg|debit|credit|refund|bill|ship|"
    r"sen[dt]|deliver|appl(?:y|ied)|process|handl|consum|execut|insert|writ|record|creat|count|run)\w*"
)
# Two lines of a watchdog or of a dump of threads make a circle, not one: who waits for what, held by one who waits.
_LOCK: Final = r"[\w.$@:/<>#-]+"
_IN_LINE: Final = r"(?:blocked|wait(?:s|ing)?|stuck)\b(?: [^,;]{0,24}?)? (?:on|for|to (?:lock|acquire))"
_WAITS: Final = re.compile(
    rf"\b{_IN_LINE} (?P<wanted>{_LOCK}),? .{{0,20}}?\b(?:owned|held|locked) by [^,;]{{1,60}}?,? "
    rf"(?:which|who|that|and) (?:\w+ )?{_IN_LINE} (?P<next>{_LOCK})",
    re.I,
)
_ORDER: Final = re.compile(rf"\b{_DONE} (?:an? |the )?(?:\w+ )?#?(?P<late>\d+) after (?:\w+ )?#?(?P<early>\d+)\b", re.I)
# Alternatives are divided by " | "; lines are joined without a blank.
_TABLE: Final = {
    "lock_lease_expired": r"""
        \b(?:renew\w*|refresh\w*|exten(?:d|sion)\w*|keep-?alive|heartbeat)\b.{0,80}\b(?:refus|reject|deni|fail)
        .{0,80}\b(?:own(?:s|er|ed)?|holds?|held|holder|fenc\w+)\b |
        \b(?:lock|lease|leadership|mutex)\b.{0,60}\b(?:no longer|not) (?:owned|held|ours|the (?:owner|holder))\b |
        \b(?:no longer|not) (?:owns?|holds?|the (?:owner|holder) of) .{0,30}\b(?:lock|lease|mutex)\b |
        \blost (?:the |its |our )?(?:\w+ )?(?:lock|lease|leadership|ownership)\b |
        \b(?:lock|lease) .{0,60}\b(?:expired \d|was lost|stolen|taken over|expired (?:while|before|during)) |
        \bfencing token\b.{0,60}\b(?:stale|older|lower|reject|behind)""",
    "race_condition": rf"""
        \b{_DONE} (?:\w+ )?(?:twice|two times|more than once|multiple times)\b |
        \bdouble[ -](?:claim|post|book|charg|spen[dt]|pay|entr|alloc|assign|appl|deliver|execut|s[eo]l[ld]|ship)\w* |
        \b(?:two|2|several|multiple) (?:\w+ )?\w+s (?:now )?(?:exist|(?:were )?(?:found|created|made)) for\b |
        \b(?:second|another|concurrent) (?:writer?|update|run|execution) (?:while|during) |
        \b(?:state|version|sequence) (?:went|goes|moved) back\w* |
        \b(?:stale|older) \w+ (?:overwr|replac|won)\w* | \boverwr\w+ (?:a |the |by )?(?:newer|older|concurrent) |
        \blost update\b | \b(?:applied|processed|arrived|handled) out of order\b""",
    "wrong_result": r"""
        \b(?:total|sum|amount|balance|checksum|count|value|result|price|quantity|figure|check)s?\b
        .{0,40}\b(?:differs?|mismatch\w*|disagrees?|(?:does|do) not (?:match|agree|add up))\b.{0,80}\d.{1,60}\d |
        \b(?:re-?comput|re-?calculat|re-?count)\w*\b.{0,30}\d.{0,60}\b(?:differs?|but|instead|not)\b.{0,60}\d""",
    "memory_saturation": r"""
        \boom-?kill | \bout of memory: kill | \bmemory cgroup out of memory | \boutofmemoryerror |
        \bheap out of memory | \ballocation failed - javascript heap | \bgc overhead limit |
        \bpause full\b | \bfull gc\b | \bstop-the-world\b | \bmark-(?:sweep|compact)\b | \ballocation stall |
        \bto-space exhausted\b | \bconcurrent mode failure\b | \bgen ?2\b.{0,30}\b(?:blocking|pause|suspen)""",
}
_COMPILED: Final = tuple(
    (mechanism, re.compile(re.sub(r" \| ?", "|", re.sub(r"\n +", "", table)), re.I))
    for mechanism, table in _TABLE.items()
)


# No sentence of these is without one of its stems: of a hundred texts most are done with here.
_STEMS: Final = {
    "lock_lease_expired": ("lock", "lease", "leader", "mutex", "own", "hold", "held", "fenc"),
    "race_condition": (
        "twice", "two ", "two-", "2 ", "times", "more than once", "double", "several", "multiple", "second ", "another",
        "concurrent", " back", "stale", "older", "overwr", "lost update", "out of order",
    ),
    "wrong_result": (
        "differ", "mismatch", "disagree", "not match", "not agree", "not add", "comput", "calculat", "count",
    ),
    "memory_saturation": (
        "oom", "memory", "pause full", "full gc", "gc overhead", "stop-the-world", "mark-", "stall", "to-space",
        "concurrent mode", "gen2", "gen 2", "javascript heap",
    ),
}  # fmt: skip
# A duplicate that was noticed in time did no harm.
_HANDLED: Final = re.compile(r"\b(?:ignor|skip|dedup|suppress|discard|dropp|idempoten|no-?op)\w*", re.I)


def may_say_outright(text: str) -> bool:
    """Whether a text, or another that differs from it by numbers alone, states a mechanism."""
    return bool(said_outright(text)) or (" after " in text.lower() and _ORDER.search(text) is not None)


@lru_cache(maxsize=4096)
def said_outright(text: str) -> str:
    """The mechanism that a text states; '' where it states none, or that no harm was done."""
    lower = text.lower()
    if " by " in lower and _WAITS.search(text):
        return "deadlock"
    ordered = _ORDER.search(text) if " after " in lower else None
    if ordered is not None and int(ordered["late"]) < int(ordered["early"]):
        found = "race_condition"
    else:
        found = next(
            (
                mechanism
                for mechanism, pattern in _COMPILED
                if any(stem in lower for stem in _STEMS[mechanism]) and pattern.search(text)
            ),
            "",
        )
    return "" if found == "race_condition" and _HANDLED.search(text) else found


def is_cycle(texts: Iterable[str]) -> bool:
    """Whether locks are waited for in a circle: the holder of each waits for the next, that of the last for the first.

    Each text states one link: a lock that is waited for, and the one for which its holder waits.
    """
    waits: dict[str, set[str]] = defaultdict(set)
    for wanted, other in _links(texts):
        waits[wanted].add(other)
    return any(wanted in _reached(waits, wanted) for wanted in waits)


def _links(texts: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in texts:
        for link in _WAITS.finditer(text):
            yield link["wanted"], link["next"]


def _reached(waits: dict[str, set[str]], start: str) -> set[str]:
    reached: set[str] = set()
    ahead = list(waits[start])
    while ahead:
        lock = ahead.pop()
        if lock not in reached:
            reached.add(lock)
            ahead.extend(waits.get(lock, ()))
    return reached
