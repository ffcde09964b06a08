"""Things that a change no longer does: registration, release, acknowledgement, caching, locking, guarding, waiting."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from ...vocabulary.words import words
from ..code import call_names, calls, computes_nothing, string_literals, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .conditions import Conditions


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
        r"singleflight|\.Do\(key|dedupe_?(requests|inflight)|in_?flight\[|coalesce\w*\(|request_?coalesc",
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
_NULL_CHECK: Final = re.compile(
    r"(==|!=|===|!==|\bis\b|\bis not\b)\s*(nil|null|None|undefined|nullptr|NULL)\b|\?\.|\?\?|"
    r"\.(orElse\w*|isPresent|isEmpty|ofNullable|unwrap_or\w*"
    r"|getOrDefault|getOrElse|is_some|is_none|present\?|blank\?|nil\?|ok_or\w*|filter_map|dig|try)\b|"
    r"\bSome\(|\bNone\s*=>|\bif let\b|\bguard let\b"
    r"|\bif\s*\(?\s*!\s*[\w.\[\]]+\s*\)?\s*(\{|return|$)|\bif not [\w.\[\]()]+:|\.get\(\s*(\"\"|"
    r"\w+)\s*,|\bdefaultdict\b|hasOwnProperty|\bin\s+\w+\s*[:)]"
    r"|,\s*ok\s*:?=|\bunless\b"
)
_BOUND_CHECK: Final = re.compile(
    r"\blen\s*\(|\.(length|size|count|len)\b(\(\))?\s*(==|!=|<|>|<=|>=|===)|\bif\b.*[<>]=?|\bempty\?|"
    r"isEmpty|\.is_empty\(|\b[Mm]ax\w*\s*\(\s*1\b|\b[Mm]ax\w*\s*\(.*,\s*1(?:\.0)?\s*\)|coerceAtLeast\(\s*1|(?i:NULLIF)\("
)
_ERROR_CHECK: Final = re.compile(
    r"\berr\s*!=\s*nil|\btry\b|\bcatch\b|\bexcept\b|\brescue\b|\.catch\(|\?;|on_?error|\.recover\b|"
    r"raise_for_status|\bthrow\b|\braise\b"
)
_BARE_DEREFERENCE: Final = re.compile(
    r"\.unwrap\(\)|\.expect\(|!!\.?|\w!\.|\.get\(\)\.|\bas!|\.first\(\)\.|\[0\]\.|\.orElseThrow\("
)


def extract(patch: Patch) -> list[Effect]:
    """Calls no longer made, guards no longer there, waiting no longer done."""
    found = _calls_removed(patch)
    found += _guards(patch)
    found += _awaits(patch)
    return found


def _calls_removed(patch: Patch) -> list[Effect]:
    found: list[Effect] = []
    now = call_names(line for hunk in patch.running for line in hunk.added)
    for hunk in patch.running:
        if hunk.kind not in ("code", "view"):
            continue
        counts: dict[str, list[str]] = {}
        for line in hunk.removed:
            if computes_nothing(line.code):
                continue
            text = without_strings(line.code)
            family = next((f for f in _FAMILIES if f.pattern.search(text)), None)
            if family is None or _still_done(family, line, hunk, patch, now):
                continue
            counts.setdefault(family.effect, []).append(line.code)
        for effect, lines in counts.items():
            says = next(f.says for f in _FAMILIES if f.effect == effect)
            found.append(
                Effect(
                    effect,
                    f"{says}: `{_short(lines[0])}` is gone",
                    hunk.path,
                    _names(lines),
                    sureness=_sureness(effect, hunk),
                )
            )
    return found


def _still_done(family: _Removal, line: Line, hunk: Hunk, patch: Patch, now: Collection[str]) -> bool:
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


def _names(lines: Iterable[str]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for line in lines:
        for call in calls(line):
            found[call.name] = None
            found[call.full] = None
        for name in _arguments(line):
            found[name] = None
        for literal in string_literals(line):
            found[literal] = None
    return tuple(found)


def _sureness(effect: str, hunk: Hunk) -> float:
    # Where as much is added as is taken, what is gone may live on under another name.
    replaced = len(hunk.added) >= len(hunk.removed)
    return (0.65 if replaced else 0.95) if effect != "registration_removed" else (0.6 if replaced else 0.9)


_BRANCH: Final = re.compile(r"^\s*(?:\}?\s*else\b|elif\b|elsif\b|if\b|unless\b|switch\b|case\b|when\b|match\b)")


# Heads of loops over what is `in` something; a `try` that only releases.
_GOES_ON: Final = re.compile(r"^\s*(?:async\s+)?(?:for|foreach)\b")
_TRY: Final = re.compile(r"^\s*(?:try|begin)\b\s*[:{]?$")
_CAUGHT: Final = re.compile(r"\b(?:catch|except|rescue)\b")


def _guards(patch: Patch) -> list[Effect]:
    found = []
    checks: tuple[tuple[str, re.Pattern[str], str], ...] = (
        ("null_guard_removed", _NULL_CHECK, "a check for a missing value"),
        ("error_check_removed", _ERROR_CHECK, "the handling of an error"),
        ("bound_check_removed", _BOUND_CHECK, "a check of a bound"),
        ("branch_removed", _BRANCH, "a case that was told apart"),
    )
    for hunk in patch.running:
        if hunk.kind not in ("code", "view"):
            continue
        now = Conditions(hunk.added)
        for effect, pattern, says in checks:
            old = [
                line
                for line in hunk.removed
                if pattern.search(without_strings(line.code)) and not _GOES_ON.match(line.code)
            ]
            if effect == "error_check_removed" and not any(_CAUGHT.search(line.code) for line in hunk.removed):
                old = [line for line in old if not _TRY.match(line.code)]
            new = [line for line in hunk.added if pattern.search(without_strings(line.code))]
            gone = [line.code for line in old if not now.have(line)] if len(old) > len(new) else []
            if gone:
                found.append(
                    Effect(
                        effect,
                        f"{says} is gone: `{_short(gone[0])}`",
                        hunk.path,
                        _subjects(gone),
                        sureness=0.95 if not new else 0.55,
                    )
                )
        bare = [line.code for line in hunk.added if _BARE_DEREFERENCE.search(line.code)]
        if bare and not any(_BARE_DEREFERENCE.search(line.code) for line in hunk.removed):
            found.append(
                Effect(
                    "null_guard_removed",
                    f"takes a value for granted: `{_short(bare[0])}`",
                    hunk.path,
                    _subjects(bare),
                    sureness=0.85,
                )
            )
    return found


def _subjects(lines: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for line in lines for name in re.findall(r"[A-Za-z_][\w]{2,}", line)))[:20]


def _awaits(patch: Patch) -> list[Effect]:
    found = []
    for hunk in patch.running:
        gone = [line for line in hunk.removed if re.search(r"\bawait\s+[\w$.]+\s*(?:<[^>]*>)?\(", line.code)]
        bare = [
            line
            for line in gone
            if any(_without_await(line) == without_strings(other.code).strip() for other in hunk.added)
        ]
        if bare:
            found.append(
                Effect(
                    "await_removed", f"no longer waits for `{_short(bare[0].code)}`", hunk.path, _names([bare[0].code])
                )
            )
    return found


def _without_await(line: Line) -> str:
    return re.sub(r"\bawait\s+", "", without_strings(line.code)).strip()


# So much of a line of code is quoted.
_MOST_LETTERS: Final = 80


def _short(code: str) -> str:
    return code if len(code) <= _MOST_LETTERS else code[: _MOST_LETTERS - 1] + "…"
