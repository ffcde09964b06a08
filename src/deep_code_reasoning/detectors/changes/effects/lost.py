"""What protects or saves, and is gone or switched off: memos, versions of rows, spread, compression, keys, pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..code import is_import, is_log_statement, lines_around
from ..diff import Hunk, Line, Patch
from ..effect import Effect


@dataclass(frozen=True, slots=True)
class _Lost:
    """What a line had; what of the same says that it is off; what the hunk has to speak of; the effect of losing it."""

    effect: str
    says: str
    had: re.Pattern[str]
    off: re.Pattern[str]
    about: re.Pattern[str]
    sureness: float = 0.85

    def stands_in(self, text: str) -> bool:
        return self.had.search(text) is not None and self.off.search(text) is None


_NEVER: Final = r"(?!)"


def _lost(effect: str, says: str, had: str, off: str = _NEVER, about: str = "", sureness: float = 0.85) -> _Lost:
    return _Lost(effect, says, re.compile(had), re.compile(off), re.compile(about), sureness)


_LOST: Final = (
    _lost(
        "cache_removed",
        "computes each time what it kept",
        r"^(?:return\s+)?(?:@@?\w+|(?:self|this)\.[#_]?\w+|\$this->\w+)\s*(?:\|\|=|\?\?=)\s*\S|\bby\s+lazy\b|\bLazy<|\bsync\.Once|\bOnce(?:Cell|Lock)\b"
        r"|\blazy\s+val\b|\b(?:useMemo|memoi[sz]e\w*)\(|@(?:functools\.)?(?:cached_property|lru_cache|cache)\b|#\[(?:once|cached)\b",
    ),
    _lost(
        "cache_removed",
        "no longer keeps that something is not there",
        r"(?i)(?=.*cache).*(?:\bOptional\b|\bMaybe\b|\bOption<|not_?found|\bmissing\b|negative|\bsentinel|\bNULL_VALUE\b|cache_?nil|cache_?null)",
        r"(?i)skip_nil\s*[:=]>?\s*true",
    ),
    _lost(
        "lock_removed",
        "no longer looks whether somebody else changed it meanwhile",
        r"@Version\b|\block_version\b|\[ConcurrencyCheck\]|\[Timestamp\]|\bIsRowVersion\b|\bIsConcurrencyToken\b|\bversion_id_col\b"
        r"|(?i:optimistic)|(?i:\b(?:expected|if)_?version\b)|(?i:\bif[-_]?match\b)|(?i:compare_?and_?s(?:et|wap))|\bWATCH\b|\bConditionExpression\b"
        r"|(?i:\b(?:and|where)\s+\w*version\s*=)|\bif_seq_no\b|(?i:\bcas\b)",
        sureness=0.9,
    ),
    _lost(
        "jitter_removed",
        "all do it at the same moment, which chance spread before",
        r"(?i)(?=.*(?:wait|delay|sleep|pause|interval|ttl|expir|timeout|backoff|every|period|schedul|tick|splay|seconds|minutes|duration))"
        r".*(?:(?<![a-z])rand|random|jitter|uniform\(|splay)",
        r"(?i)jitter\w*[\"']?\s*[:=]\s*(?:false|0|none|off)",
    ),
    _lost(
        "compression_removed",
        "no longer compresses what it sends",
        r"(?i)(?<![a-z])(?:gzip|brotli|zstd|deflate|snappy|lz4|compress(?:ion|ed|or)?|\w*Compression\w*|GZipMiddleware)\b",
        r"(?i)\boff\b|\bfalse\b|\bnone\b|\bdisabled?\b|\bidentity\b|decompress|uncompress|gunzip|unzip|Reader\(|delaycompress",
    ),
    _lost(
        "blocking_call",
        "writes its log while the request waits",
        r"(?i)\basync_?(?:appender|logger|handler|wrapper|target|log\w*)\b|<async\b|\.AsyncAppender|\bQueueHandler\b|\bneverBlock\b|WriteTo\.Async"
        r"|BufferedWriteSyncer|\bnon_?blocking\b|\bsync\s*:\s*false|\basync\s*=\s*[\"']true|buffered\w*",
        r"(?i)[:=>]\s*[\"']?false",
        r"(?i)\blog|logger|appender|logging",
    ),
    _lost(
        "dedupe_removed",
        "no longer tells a repeated request from a new one",
        r"(?i)idempot\w*|dedup\w*[_-]?(?:id|key)|message_?deduplication|transactional[._-]?id",
        r"(?i)(?:[:=]>?|,)\s*(?:nil|null|none|undefined|false|[\"']{2}|[^,]*(?:random|uuid|nanoid)[^,]*)\s*[,)}\]]*;?$",
        sureness=0.9,
    ),
    _lost(
        "query_unbounded",
        "answers with all at once, instead of by pages",
        r"(?i)paginat\w*|\bPageable\b|\bPageRequest\b|page_?size|per_?page|max_?results|\bmax_?page\w*|\bLimitOffset\w*",
        r"(?i)[:=]\s*(?:none|null|nil|false|0|-1|undefined)\b|unpaged|max_value|maxint",
    ),
)


def extract(patch: Patch) -> list[Effect]:
    """Each thing that a hunk had and has no more, or that it switches off."""
    return [effect for hunk in patch.running for effect in _gone(hunk)]


def _gone(hunk: Hunk) -> Iterator[Effect]:
    removed, added = _texts(hunk, "-"), _texts(hunk, "+")
    for lost in _LOST:
        old = next((line for text, line in removed if lost.stands_in(text)), None)
        if old is None or any(lost.stands_in(text) for text, _ in added) or _still_kept(old, added):
            continue
        if any(lost.about.search(text) for text in (hunk.path, *(line.code for line in hunk.after))):
            names = tuple(dict.fromkeys(re.findall(r"[A-Za-z_]\w{2,}", old.code)))[:8]
            says = f"{lost.says}: `{old.code[:80]}` is gone"
            yield Effect(lost.effect, says, hunk.path, names, sureness=lost.sureness)


def _texts(hunk: Hunk, sign: str) -> list[tuple[str, Line]]:
    """Changed lines; in configuration with the names of the blocks that they stand in."""
    side = hunk.before if sign == "-" else hunk.after
    changed = (
        (index, line)
        for index, line in enumerate(side)
        if line.sign == sign and not (line.kept or is_import(line.code) or is_log_statement(line.code))
    )
    if hunk.kind != "config":
        return [(line.code, line) for _, line in changed]
    return [(" ".join((*(o.code for o in lines_around(side, index)), line.code)), line) for index, line in changed]


_KEEPS: Final = re.compile(r"^(?:return\s+)?([\w@$.>-]+)\s*(?:\|\||\?\?)=")


def _still_kept(old: Line, added: Sequence[tuple[str, Line]]) -> bool:
    """Whether what was kept under a name is kept under it still."""
    match = _KEEPS.match(old.code)
    return match is not None and any(line.code.startswith(f"{match[1]} =") for _, line in added)
