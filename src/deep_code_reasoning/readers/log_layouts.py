"""The header of a plain-text log line: learnt from the head of a file, then read by one compiled expression a layout.

A header is a time somewhere near the start, maybe words before it, and behind it *items*: a level, numbers (process,
thread), brackets, a host, a logger or tag, a place in the code. Which of them a file writes, and in which order, is
taken from its lines: each is split by a small grammar, and what most lines agree on is the layout. What follows the
items is the message. A line that deviates is read by the part of the layout that it shares.

The grammar covers the defaults of log4j, logback (Spring Boot, Sleuth), java.util.logging, Python's logging, gunicorn,
loguru, Go's log, klog and glog, zap and zerolog on a console, env_logger and tracing of Rust, Serilog, NLog, Winston,
Rails, syslog (RFC 3164 and 5424), Android, nginx, Apache, PostgreSQL, MySQL, Kafka, Elasticsearch, Hadoop, Spark,
ZooKeeper, supercomputers' event logs, and what looks like them.
"""

from __future__ import annotations

import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .access_layouts import access_patterns
from .log_times import FORMS, TimeForm
from .severity import LEVEL_WORDS

# A time that begins later than this, or behind more words, belongs to the message.
_STAMP_WITHIN: Final = 100
_MAX_WORDS_BEFORE: Final = 6
_MAX_WORDS_BETWEEN: Final = 7
# An item is part of the layout when this share of the lines has it in this place. Messages that happen to begin
# alike rarely reach it, and lines that deviate (a daemon without a process number) do not fall below it.
_AGREEMENT: Final = 0.75
_LEARNT_LINES: Final = 200
_MAX_LAYOUTS: Final = 6
# So many lines of a group tell what it agrees on; splitting one takes some 30 µs.
_SPLIT_LINES: Final = 30

# The usual words first and as they are written most: that is what most lines are done with.
_LEVEL: Final = "(?:INFO|WARN|ERROR|DEBUG|info|warn|error|debug|(?i:" + "|".join(LEVEL_WORDS) + "))"
_SEPARATOR: Final = r"[ \t\]|,:)\"-]*+"
# No possessive group: those of Python 3.11.2 lose what its last try had taken.
_END: Final = r"(?>(?:[ \t\])|\"]|,(?=[ \t])|(?=[:-]+(?:[ \t]|$))[:-]+)*)"
# What may be of any length is bounded: a line may be megabytes of anything, and must not be tried at every length.
_TAG: Final = r"([A-Za-z_][\w./$@()<>#-]{0,200}(?:::[\w<>]{1,200}){0,20})(?:\[([\w.:-]{1,80})\])?:(?=[ \t]|$)"
_TAG_WITH_PROCESS: Final = re.compile(r"[\w./$@()<>-]+\[\d+\]:$")
_FULL_LEVEL: Final = re.compile(r"[\[(<]?(?:" + "|".join(LEVEL_WORDS).upper() + r")[\])>]?:?$")

# Every item: its expression, and what its groups hold.
_ITEMS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "stamp": (r"(?:\d{4}[-/.]\d\d[-/.]\d\d[T ])?\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?(?!\w)", ()),
    "level": (
        rf"[\[(<]?[ ]?(?:(?<=\[)[\w-]{{1,30}}:)?({_LEVEL})[ ]*(?:\[\d{{4,}}\])?[\])>]?(?![\w/=-]|\.\w)", ("level",)),
    "channel": (rf"([\w-]{{1,40}})\.({_LEVEL})(?=:)", ("logger", "level")),
    "level/process": (rf"({_LEVEL})/([\w-]+)(?=\])", ("level", "bracket")),
    "letter": (r"([VDIWEFT])(?=[ \t/\]|,])", ("level",)),
    "number": (r"#?(\d{1,20})(?:#\d{1,20})?(?=[\s\]|:),]|$)", ("number",)),
    "bracket": (r"\[((?:[^\[\]]|\[[^\[\]]{0,200}\]){0,400}+)\]", ("bracket",)),
    "brace": (r"\{([^{}\"]{0,400})\}(?=\s)", ("bracket",)),
    "location": (r"([\w./$-]{1,200}\.[a-z]{1,4}:\d{1,9})(?=[\s\]|:])", ("location",)),
    "tag": (_TAG, ("logger", "number")),
    "logger": (r"([A-Za-z_][\w$-]{0,200}(?:(?:\.|::|/|#|\$|@|:)[\w$<>-]{1,200}){1,40}+)(?=[ \t|\]:,]|$)", ("logger",)),
    "host": (r"(\S{1,200})(?=[ \t])", ("host",)),
    "column": (r"([\w.$/-]{1,200})(?=[ \t]{2}|\t|[ \t]{0,9}\|)", ("column",)),
    "word": (r"(\S{1,200})(?=\s)", ("word",)),
}  # fmt: skip
_COMPILED: Final = {name: re.compile(pattern) for name, (pattern, _) in _ITEMS.items()}
_SEPARATORS: Final = re.compile(_SEPARATOR)
_MONTH_NAMES: Final = frozenset("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
# How often an item may stand in one header.
_LIMITS: Final = {"stamp": 1, "number": 2, "bracket": 3, "brace": 1, "location": 1, "column": 4}
_ORDER: Final = (
    "stamp",
    "level",
    "channel",
    "level/process",
    "letter",
    "number",
    "bracket",
    "brace",
    "location",
    "tag",
    "logger",
    "column",
)
_LEVELS: Final = frozenset({"level", "channel", "level/process", "letter"})
# RFC 5424 section 6: version, time, host, application, process, message id, structured data.
_RFC5424: Final = (r" (\S+) (\S+) (\S+) (\S+) (-|(?:\[(?:[^\]\\]|\\.)*+\])++)",
                   ("host", "logger", "number", "word", "structured"))  # fmt: skip


@dataclass(frozen=True)
class Layout:
    """One layout: `match` takes a line; `fields` says what its groups hold; `form` reads the time, if there is one."""

    pattern: str
    match: Callable[[str], re.Match[str] | None]
    fields: tuple[str, ...]
    form: TimeForm | None
    syslog: bool = False


@dataclass(frozen=True)
class _Stamp:
    """Where a line has its time: behind how many words, in what form."""

    form: TimeForm
    words: int
    lead: str
    end: int


@functools.cache
def _search() -> re.Pattern[str]:
    """All forms at once: the leftmost match, and of those at the same place the first form's."""
    forms = (f"(?P<f{n}>{'[IWEFDV]' * (form.name == 'klog')}{form.pattern})" for n, form in enumerate(FORMS))
    return re.compile(rf"(?:^|(?<=[\s\[({{'<>|]))(?:{'|'.join(forms)})(?!\w)")


@functools.cache
def _alike(number: int) -> tuple[TimeForm, ...]:
    """A form, then those that look the same."""
    return FORMS[number], *(form for form in FORMS[number + 1 :] if form.pattern == FORMS[number].pattern)


@functools.cache
def _compile(pattern: str) -> Callable[[str], re.Match[str] | None]:
    return re.compile(pattern).match


def find_stamp(line: str) -> _Stamp | None:
    """The first time near the start of a line, unless it stands in the middle of prose."""
    head = line[:_STAMP_WITHIN]
    form: TimeForm | None = None
    match = _search().search(head)
    while match is not None:
        group = str(match.lastgroup)
        text = match[match.re.groupindex[group] + 1]
        form = next((form for form in _alike(int(group[1:])) if form.read(text) is not None), None)
        if form is not None:
            break
        match = _search().search(head, match.start() + 1)
    if match is None or form is None:
        return None
    before = head[: match.start()]
    lead = re.search(r"(?:<\d{1,3}>(?:1 )?)?[\[({]?$", before)
    words = before[: lead.start() if lead else None].split()
    prose = sum(word.isalpha() and word.islower() for word in words)
    if len(words) > _MAX_WORDS_BEFORE or prose > 1:
        return None
    return _Stamp(form, len(words), lead[0] if lead else "", match.end())


def _kinds_after(line: str, position: int, syslog: bool) -> Iterator[str]:
    """Split what follows the time into items, as far as the grammar goes."""
    used: Counter[str] = Counter()
    first = True
    while True:
        start = _SEPARATORS.match(line, position).end()  # type: ignore[union-attr]
        kind, end = _next_item(line, start, used, first, syslog)
        if not kind:
            if used["logger"] or used["word"]:
                return
            for _ in range(_words_before_anchor(line[start : start + 200])):
                word = _COMPILED["word"].match(line, start)
                if word is None:
                    return
                yield "word"
                used["word"] += 1
                position = word.end()
                start = _SEPARATORS.match(line, position).end()  # type: ignore[union-attr]
            if not used["word"]:
                return
            continue
        yield kind
        used[kind] += 1
        first = False
        position = end
        if kind in ("tag", "channel") or (kind == "location" and line[end : end + 1] in ("]", ":")):
            return


def _next_item(line: str, position: int, used: Counter[str], first: bool, syslog: bool) -> tuple[str, int]:
    if position >= len(line):
        return "", position
    if first and syslog and (host := _COMPILED["host"].match(line, position)):
        behind = _COMPILED["tag"].match(line, host.end() + 1)
        if behind and not host[0].endswith(":"):
            return "host", host.end()
    for kind in _ORDER:
        if used[kind] >= _LIMITS.get(kind, 1) or (kind in _LEVELS and any(used[other] for other in _LEVELS)):
            continue
        if (used["logger"] and kind not in ("level", "location")) or (used["location"] and kind == "column"):
            continue
        match = _COMPILED[kind].match(line, position)
        if match:
            return kind, match.end()
    if first and (host := _COMPILED["host"].match(line, position)):
        behind = _COMPILED["tag"].match(line, host.end() + 1)
        if behind and behind[2] and behind[2].isdecimal():
            return "host", host.end()
    return "", position


def _words_before_anchor(text: str) -> int:
    """How many words stand before a level in capitals, or a tag with a process number; 0 when they are prose."""
    tokens = text.split()[: _MAX_WORDS_BETWEEN + 1]
    for index, token in enumerate(tokens):
        if _FULL_LEVEL.match(token) or _TAG_WITH_PROCESS.match(token):
            between = tokens[:index]
            prose = sum(word.isalpha() and not word.isupper() and word not in _MONTH_NAMES for word in between)
            return index if prose <= (1 if index <= 1 else 0) else 0
    return 0


def learn(lines: Sequence[str]) -> tuple[Layout, ...]:
    """The layouts of a file's lines, the most frequent first, each followed by its shorter forms.

    Args:
        lines: lines from the beginning of the file; blank ones, indented ones and JSON are passed over.
    """
    lines = [line for line in lines if line.strip() and line[0] not in " \t{" and "\ufffd" not in line]
    lines = lines[:_LEARNT_LINES]
    access = [Layout(pattern, _compile(pattern), fields, form) for pattern, form, fields in access_patterns(lines)]
    groups: dict[tuple[str, int, str], list[tuple[str, _Stamp]]] = {}
    plain: list[str] = []
    for line in lines:
        if any(layout.match(line) for layout in access):
            continue
        stamp = find_stamp(line)
        if stamp is None:
            plain.append(line)
        else:
            lead = re.sub(r"\d+", "0", stamp.lead)
            groups.setdefault((stamp.form.pattern, stamp.words, lead), []).append((line, stamp))
    ordered = sorted(groups.values(), key=len, reverse=True)[:_MAX_LAYOUTS]
    whole, shorter = [], []
    for group in ordered:
        longest, *rest = _layouts_of(group)
        whole.append(longest)
        shorter.extend(rest)
    if not groups and not access:
        whole.extend(_layouts_without_time(plain))
    return tuple(dict.fromkeys((*access, *whole, *shorter)))


def _layouts_of(group: Sequence[tuple[str, _Stamp]]) -> list[Layout]:
    """The layout of lines with the same kind of time in the same place, then its shorter forms."""
    form = _settle_order(group)
    lead = group[0][1].lead
    start, fields = _start_of(form, group)
    if lead.startswith("<") and lead.endswith("1 "):
        pattern, names = _RFC5424
        kinds: list[str] = []
        layouts = [_layout(start + pattern, (*fields, *names), form, syslog=True)]
    else:
        syslog = form.name in ("syslog", "month day year") or lead.startswith("<")
        few = group[:: -(-len(group) // _SPLIT_LINES)]
        kinds = _agreed([list(_kinds_after(line, stamp.end, syslog)) for line, stamp in few])
        while kinds and _leaves_nothing(_with_items(start, fields, kinds, form), [line for line, _ in few]):
            kinds.pop()
        layouts = [_with_items(start, fields, kinds, form)]
    layouts += [_with_items(start, fields, kinds[:length], form) for length in range(len(kinds) - 1, 0, -1)]
    # Whatever has the time is a line of its own, with a level where it has one.
    level = r"(?:[ \t\]:|-]*+[\[(<]?(" + "|".join(LEVEL_WORDS).upper() + r")[\])>]?:?(?=\s))?"
    return [*layouts, _layout(start + level, (*fields, "level"), form)]


def _start_of(form: TimeForm, group: Sequence[tuple[str, _Stamp]]) -> tuple[str, tuple[str, ...]]:
    """The expression of all that comes before the items, and what its groups hold."""
    stamp = group[0][1]
    pattern = r"[ \t]*+"
    fields: list[str] = []
    for index in range(stamp.words):
        # Some write the level first: `WARN [main] 2026-...`.
        levels = sum(bool(_FULL_LEVEL.match(line.split(None, index + 1)[index])) for line, _ in group)
        is_level = levels >= _AGREEMENT * len(group)
        pattern += (rf"[\[(<]?({_LEVEL})\S{{0,9}}" if is_level else r"(\S{1,200})") + r"[ \t]++"
        fields.append("level" if is_level else "word")
    if stamp.lead.startswith("<"):
        pattern += r"<(\d{1,3})>(?:1 )?"
        fields.append("priority")
    if stamp.lead and stamp.lead[-1] in '[({"':
        pattern += re.escape(stamp.lead[-1])
    if form.name == "klog":
        pattern += "([IWEFDV])"
        fields.append("level")
    return pattern + form.pattern + r"(?!\w)", (*fields, "time", "fraction", "zone")


def _with_items(start: str, fields: tuple[str, ...], kinds: Sequence[str], form: TimeForm | None) -> Layout:
    pattern = start
    for kind in kinds:
        expression, names = _ITEMS[kind]
        pattern += _SEPARATOR + expression
        fields += names
    return _layout(pattern, fields, form, syslog="host" in kinds)


def _layout(pattern: str, fields: tuple[str, ...], form: TimeForm | None, syslog: bool = False) -> Layout:
    pattern += f"{_END}(.*)"
    return Layout(pattern, _compile(pattern), (*fields, "message"), form, syslog)


def _agreed(split: Sequence[Sequence[str]]) -> list[str]:
    """The items, from the first on, that most lines agree on."""
    kinds: list[str] = []
    agreeing = list(split)
    while True:
        counts = Counter(line[len(kinds)] for line in agreeing if len(line) > len(kinds))
        if not counts:
            return kinds
        kind, count = counts.most_common(1)[0]
        # Of three lines or more, one may be torn.
        if count < min(_AGREEMENT * len(split), max(2, len(split) - 1)):
            return kinds
        kinds.append(kind)
        agreeing = [line for line in agreeing if len(line) >= len(kinds) and line[len(kinds) - 1] == kind]


def _leaves_nothing(layout: Layout, lines: Sequence[str]) -> bool:
    """Whether a layout takes the message of many lines for a header."""
    matches = [match for line in lines if (match := layout.match(line))]
    empty = sum(not match[len(layout.fields)] for match in matches)
    return empty > 0.05 * len(matches)


def _layouts_without_time(lines: Sequence[str]) -> list[Layout]:
    """Lines that begin with a level and have no time at all (`INFO:root:message`, `[ERROR] message`)."""
    named = re.compile(rf"({_LEVEL}):([\w.]+):")
    beginnings = [(line, _COMPILED["level"].match(line)) for line in lines]
    levelled = [
        line
        for line, match in beginnings
        if match and (line[0] in "[<(" or line[match.end() :][:1] in (":", " ", "\t"))
    ]
    # One line that begins with a level may as well be the cry of a crash.
    if len(levelled) < max(2, 0.5 * len(lines)):
        return []
    layouts = [_with_items("", (), ["level"], None)]
    if sum(bool(named.match(line)) for line in levelled) >= _AGREEMENT * len(levelled):
        layouts.insert(0, _layout(named.pattern, ("level", "logger"), None))
    return layouts


def _settle_order(group: Sequence[tuple[str, _Stamp]]) -> TimeForm:
    """Which order of year, month and day fits all lines, where a form leaves that open."""
    form = group[0][1].form
    same = [other for other in FORMS if other.pattern == form.pattern]
    if len(same) == 1:
        return form
    search = re.compile(form.pattern)
    texts = [match[1] for line, _ in group if (match := search.search(line))]
    valid = [other for other in same if all(other.read(text) is not None for text in texts)]
    return valid[0] if valid else form
