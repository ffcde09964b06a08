"""Knobs of what a service runs on: how names are resolved, memory is collected, and old files are thrown away."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.quantities import settings
from ...vocabulary.words import words
from ..code import lines_around
from ..diff import Hunk, Line
from ..effect import Effect, each_hunk

# Kubernetes' dnsConfig, resolv.conf, Docker's dns, nginx's resolver, the options of C libraries.
_RESOLVER: Final = re.compile(
    r"(?i)\bndots\b|\bdns_?(?:policy|config|servers?|search|opt\w*)\b|\bnameservers?\b|^-?\s*searches\s*:|\bresolver(?:_timeout)?\s|\bhostAliases\b"
    r"|single-request|networkaddress\.cache|^dns\s*:"
)
_COLLECTOR: Final = re.compile(
    r"\bGOGC\b|-XX:[+-]?\w*(?:GC|Pause|Heap\w*Percent|NewRatio|NewSize|Survivor|Tenuring)\w*"
    r"|\bgc_?threshold\b|\bgc\.(?:set_threshold|freeze|disable|collect)\b"
    r"|\bRUBY_GC_\w+|\bDOTNET_gc\w*|\bDOTNET_GC\w*|gcServer|gcConcurrent|GarbageCollection\w*|\bSetGCPercent\b|semi-space|\bGC\.(?:stress|disable|Collect)\b"
)
_KEPT: Final = re.compile(
    r"\b(?:rotate|retention|retain|max (?:file )?(?:backups?|history|files?|archives?)|max (?:days|age)"
    r"|keep (?:days|files|logs)|total size cap|expire logs days"
    r"|wal keep|backup count|maxsize|max (?:file )?size|log file max|rollover|maxage)\b"
)
_OF_FILES: Final = re.compile(r"(?i)\blog|rotat|appender|backup|archive|journal|retention|kafka|binlog|wal\b")
_SELDOM: Final = ("hourly", "daily", "weekly", "monthly", "yearly")


def _changed(hunk: Hunk) -> Iterator[Effect]:
    for kind, pattern, says in (
        ("resolver_changed", _RESOLVER, "resolves names in another way"),
        ("collector_tuned", _COLLECTOR, "collects its garbage in another way"),
    ):
        old, new = ([line.code for line in lines if pattern.search(line.code)] for lines in (hunk.removed, hunk.added))
        if pattern is _RESOLVER and hunk.kind == "config":
            old, new = old or _below(hunk.before), new or _below(hunk.after)
        if old or (new and kind == "collector_tuned"):
            yield Effect(kind, f"{says}: `{(new or old)[0][:80]}`", hunk.path, (), sureness=0.85)


def _below(side: Sequence[Line]) -> list[str]:
    """Changed lines of a block of the resolver, or beside its name: `- name: ndots` above its value."""
    return [line.code for index, line in enumerate(side) if line.is_changed and _of_resolver(side, index)]


def _of_resolver(side: Sequence[Line], index: int) -> bool:
    above = (*lines_around(side, index), *side[max(0, index - 1) : index])
    return any(_RESOLVER.search(line.code) for line in above) and _OTHER.match(side[index].code) is None


_OTHER: Final = re.compile(r"^-?\s*(?:labels|annotations|name|image|containers)\s*:")


def _kept_longer(hunk: Hunk) -> Iterator[Effect]:
    if hunk.kind == "code" or not any(_OF_FILES.search(text) for text in (hunk.path, *(o.code for o in hunk.before))):
        return
    old, new = _numbers(hunk.removed), _numbers(hunk.added)
    more = next((name for name in old.keys() & new.keys() if new[name] > 2 * old[name]), "")
    gone = next((name for name in old if name not in new), "")
    times = [
        [_SELDOM.index(line.code) for line in lines if line.code in _SELDOM] for lines in (hunk.removed, hunk.added)
    ]
    bare = any(re.search(r"(?i)\bnocompress\b", line.code) for line in hunk.added)
    if more or gone or bare or (times[0] and times[1] and times[1][0] > times[0][0]):
        what = more or gone or "what is rotated"
        says = f"old files stay longer or grow larger: {what}" + (" is gone" if gone and not more else "")
        yield Effect("retention_raised", says, hunk.path, (what,), sureness=0.85)


def _numbers(lines: Sequence[Line]) -> dict[str, float]:
    return {
        number.owner: number.value
        for line in lines
        if _KEPT.search(" ".join(words(line.code)))
        for number in settings(re.sub(r"<([\w.]+)>([^<]*)</.*", r"\1: \2", line.code))
    }


extract: Final = each_hunk({_changed: "config image code", _kept_longer: "config image code"})
