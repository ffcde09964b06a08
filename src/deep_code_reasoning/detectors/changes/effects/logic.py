"""What the code computes: comparisons, arithmetic, rounding, time, patterns, waiting, serialisation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from ..code import (
    block_after,
    calls,
    computes_nothing,
    definition,
    loop_bodies,
    string_literals,
    tries_again,
    without_strings,
)
from ..diff import Hunk, Line
from ..effect import ANY, Effect, each_hunk
from ..paths import has_extension
from .cache_keys import builds_key
from .conditions import Conditions, is_turned, sides_changed, statement
from .pairs import paired

_OPERATOR: Final = re.compile(r"<=|>=|===|!==|==|!=|&&|\|\||<<|>>|[<>+\-*/%!&|^]|\b(?:and|or|not)\b")
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
_ROUNDING: Final = re.compile(
    r"(?i)\b(ceil|floor|round|trunc|int|toFixed|intdiv|BigDecimal|Decimal|double|doubleValue|float|"
    r"floatValue|parseFloat|RoundingMode\.\w+|ROUND_\w+|quantize|scale)\b"
)
_TIME_ZONE: Final = re.compile(
    r"(?i)\b(utc|utcnow|timezone|time\.Local|LocalDateTime|ZonedDateTime|ZoneId|tz|tzinfo|localtime|"
    r"gmtime|gmt|AT TIME ZONE|toISOString|toLocale\w*|YYYY|SimpleDateFormat|Instant\.now)\b|"
    r"datetime\.now\(\)|time\.In\("
)
_ENCODING: Final = re.compile(
    r"(?i)\b(utf-?8|utf-?16|latin-?1|iso-8859-\d+|ascii|base64|urlsafe|getBytes|encode|decode|gzip|"
    r"snappy|sha\d+|md5|hmac|hs\d{3}|rs\d{3}|es\d{3}|bcrypt|argon2\w*|aes\w*|zstd|lz4|pickle|msgpack|"
    r"protobuf|marshal|unmarshal|serializ\w+|deserializ\w+|ObjectMapper|"
    r"omitempty)\b"
)
_SORT: Final = re.compile(r"(?i)\b(sort\w*|order_?by|compare\w*|cmp|comparator|reverse|desc|asc|less)\b")
_BLOCKING: Final = re.compile(
    r"\b\w+Sync\s*\(|\btime\.sleep\s*\(|\bThread\.sleep\s*\(|\.block\(\)|\.result\(\)|"
    r"\.GetAwaiter\(\)\.GetResult\(\)|\.join\(\)\.|time\.Sleep\(|\bsleep\s*\(|\bWait\(\)|"
    r"requests\.(?:get|post)\(|\)\.Result\b|\brunBlocking\b|\bblock_on\(|\brun_until_complete\("
)
_AWAITED: Final = re.compile(r"\bawait\s+[\w.]+\(|\.await\b")
# Go's groups: what ran side by side comes together, and nothing else is held up.
_JOINS: Final = re.compile(r"\bWait\(\)")
_SIGNS_OF_PATTERN: Final = re.compile(r"[\\\[\](){}^$*+?|]{2}")
_PATTERN_LINE: Final = re.compile(
    r"(?i)regex|pattern|re\.(?:compile|match|search|sub)|regexp|MustCompile|/\S{4,}/[gimsuy]*|RegExp\(|\bmatches?\b"
)
_STATUS: Final = re.compile(
    r"(?i)\bstatus\w*\b.*\b[1-5]\d\d\b|\b[1-5]\d\d\b.*\bstatus|HttpStatus\.\w+|http\.Status\w+|"
    r"WriteHeader\(|\.status\(\d+|sendStatus"
)
_NARROWS: Final = re.compile(
    r"(?i)(to|in|of|for|on|only|where|filter(By)?|filter_by|exclude|scope\w*|within|limit|take|"
    r"distinct|unique|match|having|room|between|eq|not|and|select|first|slice|page|group\w*|tenant\w*|"
    r"join|since|until|if\w*|guard|sample|throttle|debounce)"
)
_PARALLEL: Final = re.compile(
    r"Promise\.all\(|asyncio\.gather\(|errgroup|parallelStream|\.par_iter|Parallel\.ForEach|"
    r"CompletableFuture\.supplyAsync|^\s*go\s+\w|pmap\(|Task\.WhenAll"
)


def _lines(hunk: Hunk) -> Iterator[Effect]:
    if changed := sides_changed(hunk.removed, hunk.added):
        says = f"the sides of a comparison change places: `{changed[1].code[:60]}` for `{changed[0].code[:60]}`"
        yield Effect("comparison_changed", says, hunk.path, tuple(_NAME.findall(changed[1].code))[:12], sureness=0.9)
    for old, new in paired(hunk):
        if computes_nothing(old.code) or computes_nothing(new.code):
            continue
        before, after = without_strings(old.code), without_strings(new.code)
        names = tuple(dict.fromkeys(_NAME.findall(before + " " + after)))[:12]
        says = f"`{old.code[:60]}` becomes `{new.code[:60]}`"
        kind = _kind_of(hunk, old, new, before, after)
        if kind:
            yield Effect(kind, says, hunk.path, (*names, *_around(hunk)), sureness=0.85)


_WORDS: Final = (
    ("time_zone_changed", _TIME_ZONE),
    ("rounding_changed", _ROUNDING),
    ("encoding_changed", _ENCODING),
    ("sorting_changed", _SORT),
)
_DECIDES: Final = frozenset({"<", ">", "<=", ">=", "==", "!=", "===", "!==", "&&", "||", "!", "and", "or", "not"})


def _kind_of(hunk: Hunk, line: Line, other: Line, before: str, after: str) -> str:
    """The kind of change from one line to the other; '' for none that is known. `before`, `after`: without strings."""
    old, new = line.code, other.code
    if builds_key(hunk, old) and builds_key(hunk, new):
        return ""  # told by `cache_keys.py`
    for kind, pattern in _WORDS:
        if pattern is _ROUNDING and (not (_OPERATOR.search(before) or "(" in before) or _READS_NUMBER.search(new)):
            continue
        if _words_of(pattern, old) != _words_of(pattern, new) and _differ(pattern, hunk, line, other):
            return kind
    if _swaps(before, after):
        return "arguments_swapped"
    if definition(old) or definition(new):
        return ""
    if _narrows_less(old, new):
        return "filter_removed"
    if _no_longer_converts(old, new):
        return "arithmetic_changed"
    operators = _operators(before), _operators(after)
    shared = set(_NAME.findall(before)) & set(_NAME.findall(after))
    if operators[0] != operators[1] and shared and _is_expression(before):
        if _computes_the_same(hunk, line, other):
            return ""
        return "comparison_changed" if (set(operators[0]) ^ set(operators[1])) & _DECIDES else "arithmetic_changed"
    statuses = [set(re.findall(r"\b[1-5]\d\d\b|Status\w+", code)) for code in (old, new)]
    if _STATUS.search(old) and _STATUS.search(new) and statuses[0] != statuses[1]:
        return "status_changed"
    return ""


def _computes_the_same(hunk: Hunk, old: Line, new: Line) -> bool:
    """Whether two lines with other operators ask or say the same; the ends of loops are told by `order.py`."""
    return (
        all(_GOES_THROUGH.match(line.code) for line in (old, new))
        or is_turned(old, new, hunk.before, hunk.after)
        or Conditions(hunk.added).tell_by_value(old)
        or _same_text(old.code, new.code)
    )


_GOES_THROUGH: Final = re.compile(r"\s*(?:for|foreach)\b")
# Arrows, what is read of a value where there is one, parameters of blocks, types of generics: no operators.
_NO_OPERATOR: Final = re.compile(r"\??->|=>|&\.|\|\s*\w+(?:,\s*\w+)*\s*\||<[A-Z]\w*(?:[<,]\s*\w+>?)*>")
# A star or an ampersand before a value, where none stands before it: what is pointed to, lent or unpacked.
_PREFIX: Final = re.compile(r"(?:(?<=[(,\[{=])|(?<=return))\s*[*&]+(?=[A-Za-z_(])")
_PLACEHOLDER: Final = re.compile(r"[#$]?\{[^{}]*\}|%[\d.]*\w|\$\w+|\{\}")


def _operators(code: str) -> list[str]:
    return _OPERATOR.findall(_PREFIX.sub(" ", _NO_OPERATOR.sub(" ", code)))


def _same_text(old: str, new: str) -> bool:
    """Whether a text is put together of the same letters: by `+`, by a format, by values within it."""
    texts = [_PLACEHOLDER.sub("", "".join(string_literals(code))) for code in (old, new)]
    return texts[0] == texts[1] != "" and old != new and bool(_PLACEHOLDER.search(new) or _PLACEHOLDER.search(old))


# A text that is read as a number, and a duration that becomes one, are not rounded.
_READS_NUMBER: Final = re.compile(r"(?i)environ|getenv|\benv\b|config|settings|argv|total_?seconds|\bparse")


def _words_of(pattern: re.Pattern[str], code: str) -> set[str]:
    """What a pattern finds, but for how it is spelt: `sort` and `sorted`, `utf8` and `UTF-8`."""
    found = {re.sub(r"[-_]", "", word).lower() for word in pattern.findall(code)}
    if pattern is not _SORT:
        return found
    return {"desc" if "desc" in word else "sort" if word.startswith(("sort", "orderby")) else word for word in found}


def _differ(pattern: re.Pattern[str], hunk: Hunk, old: Line, new: Line) -> bool:
    """Whether whole statements, with what the new one calls for it, differ in what a pattern finds."""
    whole = statement(hunk.before, old, {}), statement(hunk.after, new, _new_functions(hunk))
    return _words_of(pattern, whole[0]) != _words_of(pattern, whole[1])


def _new_functions(hunk: Hunk) -> dict[str, list[Line]]:
    """Bodies of the functions that a hunk brings, by name."""
    after = hunk.after
    return {
        name: [after[place] for place in block_after(after, index)]
        for index, line in enumerate(after)
        if line.sign == "+" and (name := definition(line.code))
    }


def _swaps(before: str, after: str) -> bool:
    """Whether the same words stand in another order, in a call."""
    old, new = _NAME.findall(before), _NAME.findall(after)
    return "(" in before and old != new and sorted(old) == sorted(new)


_CONVERTS: Final = re.compile(
    r"(?i)(?:\w+_)?(?:to|from|in|as|convert|parse|normali[sz]e|escape|unescape|quote|trim|strip|lower|upper|round|floor|ceil|abs|scale"
    r"|clamp|encode|decode|sanitize|canonical|minor|major)(?:$|[A-Z_0-9]|i[sz]e)|\w+To[A-Z]\w*|\w+_to_\w+"
)


def _no_longer_converts(old: str, new: str) -> bool:
    """Whether a value is given on as it is, where it was converted before."""
    still = {call.name for call in calls(new)}
    gone = [call for call in calls(old) if call.name not in still]
    values = set(_NAME.findall(without_strings(new))) - {call.name for call in gone}
    kept = set(_NAME.findall(without_strings(old))) >= values - {"float64", "int", "float"}
    return bool(gone) and kept and len(values) > 1 and all(_CONVERTS.match(call.name) for call in gone)


def _narrows_less(old: str, new: str) -> bool:
    """Whether the line makes the same calls but for some that narrow (`where`, `to`, `limit`)."""
    called, still = ({call.name for call in calls(code)} for code in (old, new))
    gone = called - still
    return bool(gone) and still <= called and all(_NARROWS.fullmatch(name) for name in gone)


def _is_expression(code: str) -> bool:
    return bool(re.search(r"\b(return|if|while|elif|else if|when|unless)\b|[^=!<>]=[^=>]|\?", code))


def _around(hunk: Hunk) -> tuple[str, ...]:
    name = definition(hunk.heading.strip())
    return (name,) if name else ()


def _patterns(hunk: Hunk) -> Iterator[Effect]:
    old, new = (
        [line for line in lines if _PATTERN_LINE.search(line.code) and _SIGNS_OF_PATTERN.search(line.code)]
        for lines in (hunk.removed, hunk.added)
    )
    if old and new:
        says = f"pattern changed to `{new[0].code[:80]}`"
        yield Effect("pattern_changed", says, hunk.path, ("pattern",), sureness=0.8)


_TAKES_LOCK: Final = re.compile(
    r"\.(?:lock|Lock|acquire)\s*\(|\bsynchronized\b|select_for_update|(?i:FOR UPDATE)|with_lock"
    r"|lockForUpdate|PESSIMISTIC_WRITE|\bGenServer\.call\b"
)
# What lines come to do that had not done it: the effect, how to know such a line, whether strings count (statements of
# SQL stand in some), how it is told.
_ADDED: Final = (
    ("blocking_call", _BLOCKING, False, "blocks"),
    ("parallel_calls", _PARALLEL, False, "runs calls in parallel"),
    ("lock_added", _TAKES_LOCK, True, "takes a lock"),
)


def _between_attempts(lines: Sequence[Line]) -> set[int]:
    """Lines of loops that try again, and those right before Ruby's `retry`: they run where something failed."""
    found = {id(lines[n]) for head, body in loop_bodies(lines) if tries_again(lines, head, body) for n in body}
    return found | {id(line) for line, following in pairwise(lines) if following.code == "retry"}


def _added_kinds(hunk: Hunk) -> Iterator[Effect]:
    retrying = _between_attempts(hunk.after)
    for kind, pattern, in_strings, says in _ADDED:
        new, old = (
            [
                line
                for line in lines
                if pattern.search(line.code if in_strings else without_strings(line.code))
                and not (kind == "blocking_call" and (_AWAITED.search(line.code) or id(line) in retrying))
                and not (kind == "blocking_call" and _JOINS.search(line.code) and has_extension(hunk.path, "go"))
            ]
            for lines in (hunk.added, hunk.removed)
        )
        if len(new) > len(old):
            yield Effect(
                kind, f"{says}: `{new[0].code[:80]}`", hunk.path, tuple(_NAME.findall(new[0].code))[:8], sureness=0.85
            )


# Java's and C#'s blocks name what they lock behind the word.
_LOCK_BLOCK: Final = re.compile(r"(?<![.\w])(?:synchronized|lock)\s*\(\s*([\w.]+)\s*\)")
_LOCKS: Final = re.compile(
    rf"\.(?:lock|Lock|acquire)\s*\(|select_for_update|(?i:FOR UPDATE)|\bsynchronized\b|{_LOCK_BLOCK.pattern}"
)


def _lock_order(hunk: Hunk) -> Iterator[Effect]:
    old, new = (
        [_target(line.code) for line in lines if _LOCKS.search(line.code)] for lines in (hunk.before, hunk.after)
    )
    if len(old) >= 2 and len(old) == len(new) and old != new:
        says = f"takes its locks in another order: {', '.join(new)}"
        yield Effect("lock_order_changed", says, hunk.path, tuple(new))


def _target(code: str) -> str:
    match = _LOCK_BLOCK.search(code) or re.match(r"\s*(?:await\s+)?([\w.]+)", code)
    return match[1] if match else code


extract: Final = each_hunk(
    {
        _patterns: "config code sql view",
        _lines: "code view",
        _added_kinds: "code view",
        _lock_order: ANY,
    }
)
