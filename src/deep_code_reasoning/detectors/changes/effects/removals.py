"""Calls that a change no longer makes: registration, release, acknowledgement, caching, locking."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ....domain.wording import excerpt
from ...vocabulary.words import words
from ..code import call_names, calls, computes_nothing, string_literals, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect


@dataclass(frozen=True, slots=True)
class _Removal:
    """A family of calls, and the effect of no longer making them."""

    effect: str
    pattern: re.Pattern[str]
    says: str
    replaced_by: re.Pattern[str]


def _family(effect: str, pattern: str, says: str, replaced_by: str | None = None) -> _Removal:
    return _Removal(effect, re.compile(pattern, re.I), says, re.compile(replaced_by or pattern, re.I))


_RELEASES: Final = (
    r"(?<![:>.])\b(defer|finally|ensure|using|with)\b.*|\.use\s*\{|\.(close|release|dispose|disconnect|destroy|shutdown"
    r"|put_?conn|return_?conn\w*|removeListener|removeEventListener|unsubscribe|off|cancel|stop|free|unlink|rmtree"
    r"|remove_file|RemoveAll)\s*\(|\b(os|fs|shutil|File|Files|path)\.(remove|delete|rm)\w*\s*\("
    r"|\bclear(Interval|Timeout)\s*\(|\bcancel\(\)"
)
# Ordered: a line counts for the first family only. Patterns see the line without its string literals.
_FAMILIES: Final = (
    _family(
        "ack_removed",
        r"\b(basic_?ack|ack(nowledge)?|commit(_?(sync|async|offsets?))?_?message\w*|commitSync|commitAsync"
        r"|delete_?message|CommitMessages|message\.complete|msg\.ack)\s*\(",
        "no longer acknowledges messages",
    ),
    _family(
        "cache_removed",
        r"@(lru_cache|cache|cached|cached_property|Cacheable|memoize)\b|\bmemoize|\bcache[\w.]*\.(m?get|fetch|"
        r"getOrLoad|get_or_set|remember|computeIfAbsent)\w*\s*\(|\bRails\.cache|cache_?(get|lookup|fetch)\w*\s*\(",
        "no longer reads a cache",
    ),
    _family(
        "coalescing_removed",
        r"singleflight|\.Do\(key|\.Do\([^,()]+,\s*func\(\)\s*\((?:any|interface\{\}),\s*error\)|dedupe_?(requests|inflight)|in_?flight\[|coalesce\w*\(|request_?coalesc",
        "no longer merges equal requests",
    ),
    _family(
        "release_removed",
        _RELEASES,
        "no longer releases what it takes",
        # or takes it by what releases it: a block of its own, a call that reads or writes a whole file
        _RELEASES + r"|\b(?:open|start|connect\w*|checkout|with_\w+)\b[^{]*(?:\{|\bdo\b)\s*\|"
        r"|\b(?:read|write)_(?:text|bytes)\(|\b(?:readString|readAll\w+|readFile\w*|file_get_contents)\(|\bfs::read",
    ),
    _family(
        "lock_removed",
        (
            r"\.(lock|rlock|acquire|tryLock)\s*\(|\bsynchronized\b|select_for_update|FOR UPDATE|with_lock|"
            r"\bmutex\b|@Lock\b"
        ),
        "no longer takes a lock",
    ),
    _family(
        "backoff_removed",
        (
            r"\b(sleep|delay|backoff|jitter|wait_?(exponential|random|fixed|incrementing|and_?retry)|ExponentialBackoff|"
            r"setTimeout)\w*\s*[({]|Backoff\(|\bExponential(Backoff|Builder)\b"
        ),
        "no longer waits between attempts",
    ),
    _family(
        "limiter_removed",
        (
            r"limiter\.|rate_?limit\w*\s*[({]|throttle\w*\s*\(|debounce\w*\s*\(|semaphore|SetLimit\s*\(|"
            r"circuit_?breaker|bulkhead|pLimit\s*\("
        ),
        "no longer limits its rate or concurrency",
    ),
    _family(
        "eviction_removed",
        (
            r"\bdelete\s*\(\s*[\w.]+\s*,|\.(evict|expire|prune|trim|popitem|popleft|shift|purge|cleanup|"
            r"invalidate)\w*\s*\(|\bLRU\b|\blru\b|maxlen"
        ),
        "no longer evicts",
    ),
    _family(
        "registration_removed",
        r"\b(register|init|initiali[sz]e|bootstrap|seed|setup|subscribe|bind|mount|include_?router|"
        r"addRoute|add_?route|add_?url_?rule"
        r"|add_?handler|HandleFunc|Handle|addListener|AddScoped|AddSingleton|AddTransient|provide|"
        r"install|configure|migrate|load_?(plugins?|config|defaults|data|model\w*|rules|routes)"
        r"|warm_?up|preload|connect|start|add_?(middleware|filter|converter|serializer|job|task|plugin|"
        r"type)|use|urlpatterns|schedule)\w*\s*\(",
        "no longer makes a registration or start-up call",
    ),
    _family(
        "dedupe_removed",
        r"\b(existing|already\w*|seen|processed|dedup\w*|idempot\w*|duplicates?)\b",
        "no longer looks whether it was done before",
    ),
    _family(
        "truncation_removed",
        (
            r"\.(slice|take|limit|truncate|head|tail|first|last|page)\s*\(|\btruncate\w*\(|\bsubstring\(|"
            r"\[\s*-?\w*\s*:\s*-?\w+\s*\]|\b[Mm]in\s*\(|\bclamp\w*\("
        ),
        "no longer cuts off what is too much",
    ),
    _family(
        "transaction_removed",
        r"\b(commit|begin|transaction|atomic|flush|persist|session\.add|saveAndFlush)\w*\s*\(|@Transactional",
        "no longer commits or wraps in a transaction",
    ),
    _family(
        "auth_removed",
        (
            r"\b(authori[sz]e\w*|authenticate\w*|sign\w*|set_?auth\w*|add_?auth\w*|bearer|with_?token|"
            r"credentials?)\b.*[(=:]"
        ),
        "no longer authorises",
    ),
)


def extract(patch: Patch) -> list[Effect]:
    """Calls no longer made."""
    now = call_names(patch.added)
    return [effect for hunk in patch.running for effect in _no_longer_called(hunk, now)]


def _no_longer_called(hunk: Hunk, now: Collection[str]) -> Iterator[Effect]:
    gone: dict[_Removal, list[str]] = {}
    for line in hunk.removed if hunk.kind in ("code", "view") else ():
        text = without_strings(line.code)
        family = None if computes_nothing(line.code) else next((f for f in _FAMILIES if f.pattern.search(text)), None)
        if family is not None and not _still_done(family, line, hunk, now):
            gone.setdefault(family, []).append(line.code)
    for family, codes in gone.items():
        says = f"{family.says}: `{excerpt(codes[0], 80)}` is gone"
        yield Effect(family.effect, says, hunk.path, _names(codes), sureness=_sureness(family.effect, hunk))


def _still_done(family: _Removal, line: Line, hunk: Hunk, now: Collection[str]) -> bool:
    """Whether the new code does the same by another line: in this hunk by its family, elsewhere by the same call."""
    if family.effect == "registration_removed" and _SETS_NUMBER.search(line.code):
        return True  # a setting: told by `settings.py`
    if any(family.replaced_by.search(without_strings(other.code)) for other in hunk.added):
        # `app.include_router(a)` gone while `app.include_router(b)` is new is still a loss of a.
        return family.effect != "registration_removed" or _same_argument(line, hunk.added)
    names = [call.name for call in calls(line.code)]
    # What is no call (a slice) is not done because the calls beside it are.
    is_call = any(
        family.pattern.search(f"{call.full}(") or family.pattern.search(f".{call.name}(") for call in calls(line.code)
    )
    return is_call and all(name in now for name in names)


_SETS_NUMBER: Final = re.compile(r"(?i)\.\w*(?:timeout|delay|interval|period|ttl|size|limit|attempts|seconds|millis)\(")


def _same_argument(line: Line, added: Iterable[Line]) -> bool:
    subject = {name for call in calls(line.code) for name in words(call.full)} | set(
        words(" ".join(_arguments(line.code)))
    )
    return any(len(subject & set(words(other.code))) >= max(1, len(subject) - 1) for other in added)


def _arguments(code: str) -> list[str]:
    match = re.search(r"\((.*)\)", code)
    return re.findall(r"[A-Za-z_][\w.]*", match[1]) if match else []


def _names(codes: Iterable[str]) -> tuple[str, ...]:
    """Names of what lines call and hand on, and their texts."""
    return tuple(
        dict.fromkeys(
            name
            for code in codes
            for name in (
                *(name for call in calls(code) for name in (call.name, call.full)),
                *_arguments(code),
                *string_literals(code),
            )
        )
    )


def _sureness(effect: str, hunk: Hunk) -> float:
    # Where as much is added as is taken, what is gone may live on under another name.
    replaced = len(hunk.added) >= len(hunk.removed)
    return (0.65 if replaced else 0.95) if effect != "registration_removed" else (0.6 if replaced else 0.9)
