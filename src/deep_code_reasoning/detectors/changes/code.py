"""What lines of code do, as far as one can tell without a parser for their language: calls, loops, input and output."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..vocabulary.words import words
from .diff import Hunk, Line

_CALL: Final = re.compile(
    r"([A-Za-z_$][\w$]*(?:\s*(?:\?\.|::|->|\.|\)\.)\s*[A-Za-z_$][\w$]*)*)[!?]?\s*(?:<[\w, ]*>|\[[\w., ]+\])?\("
)
_ACCESS: Final = re.compile(r"::|->|\.")
_NO_CALL: Final = frozenset(
    """if for while switch return func function def catch match fn sizeof typeof and or not in when elif foreach until
    unless except with assert lambda fun sub go defer await new select case print""".split()
)
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|`[^`]*`')
_LOOP: Final = re.compile(
    r"^\s*(?:\}?\s*)?(?:for|foreach|while|until|loop)\b|\.(?:forEach|map|flatMap|each|for_each|"
    r"each_with_index|filter_map"
    r"|collect|mapNotNull|to_h|associateBy|associate|ToDictionary|SelectMany|Select|ForEach|peek|onEach|find_each)\s*[({]|\.(?:each|map|each_with_index|find_each)\s+do\b"
    r"|\.(?:any|all|none|sumOf|associateWith|partition|reject|sum|filter|flat_map)\s*(?:\{|\(\s*(?:\(\w+\)|\w+)\s*[-=]>)"
    r"|\barray_(?:walk|map|filter)\s*\(|\bfor\s+(?:await\s*)?\("
)
# A loop that waits for events or ticks runs as often as they come, and not once an item.
_ENDLESS: Final = re.compile(
    r"^\s*(?:for\s*\{|for\s*\(\s*;\s*;\s*\)|while\s*\(?\s*(?:true|True|1)\s*\)?\s*[:{]|loop\s*(?:\{|do))"
)
# A loop that tries again ends with the first success: it counts, or asks besides its count how the last try went.
_COUNTS: Final = re.compile(
    r"(?i)\b(?:attempts?|tries|retry|retries)\b|\bfor\s*\(?\s*(?:let|var|int|mut)?\s*\w+\s*:?=\s*[01]\s*;|\b\d{1,2}\.times\b"
    r"|\bin\s+(?:range\(\s*)?(?:[01]\s*(?:\.\.[.=<]?\s*|,\s*))?\d{1,2}\b"
)
_ASKS_ALSO: Final = re.compile(r";[^;]*(?:&&|\band\b)[^;]*;|\bwhile\b.*(?:&&|\band\b)")
_HANDLES: Final = re.compile(r"\bcatch\b|\bexcept\b|\brescue\b|\berr\s*[!=]=\s*nil|\b(?:Ok|Err)\(|\.is_ok\(|\bstatus\b")
_LEAVES: Final = re.compile(r"\b(?:break|return)\b")
MAX_BLOCK_LINES: Final = 2_000
"""Nobody writes a block of more lines: what stands further off is not looked for."""
_COMPREHENSION: Final = re.compile(r"[\[({]\s*(?:await\s+)?.+\bfor\s+[\w, ()]+\s+in\b")
_DEFINITION: Final = re.compile(
    r"^\s*(?:(?:export|default|public|private|protected|internal|static|final|async|override|virtual|inline|suspend"
    r"|abstract|synchronized|pub(?:\(\w+\))?)\s+)*(?:func|function|def|fn|fun|sub|"
    r"proc)\s+(?:\([^)]*\)\s*)?([A-Za-z_$][\w$]*)"
    r"|^\s*(?:(?:public|private|protected|internal|static|final|async|override|"
    r"virtual)\s+)+[\w<>\[\],.? ]+\s+(\w+)\s*\([^;]*\)\s*(?:throws [\w, ]+)?\{?$"
)

# Receivers behind which a network or a disk stands.
_REMOTE: Final = frozenset(
    """db database session client repo repository dao store conn connection stub api http https redis memcached mongo
    s3 sqs sns dynamo dynamodb grpc rpc tx pool gateway remote axios fetch requests httpx orm objects entity
    table bucket kafka producer elastic es cursor service query sql transaction dataset backend upstream""".split()
)
_REMOTE_VERBS: Final = frozenset(
    """query queryrow querycontext queryrowcontext exec execcontext execute fetch fetchone fetchall findone findbyid
    findunique findfirst getitem putitem getobject putobject select insert invoke rpc request publish sendmessage
    findall loadby lookup urlopen getforobject exchange roundtrip""".split()
)
_PLAIN_VERBS: Final = frozenset(
    "get find load read save store write put post send delete update insert lookup resolve "
    "call list fetch query create count exists lock check charge commit flush".split()
)
# With what they get behind them (`fetchStatus`), whatever they are called on.
_FAR_VERBS: Final = frozenset({"fetch", "query", "download", "request"})
_LOCAL: Final = frozenset(
    """append push add pop len length size print printf println sprintf format string str int float bool list dict set
    map filter join split trim copy min max sum abs sorted range enumerate zip make new keys values entries has
    contains includes startswith endswith replace lower upper tostring json log info debug warn error errorf
    wrap now since sleep delay""".split()
)
# Receivers all of whose methods leave the process, as far as they do anything; and those of theirs that do not.
_CLIENTS: Final = frozenset("client stub repository repo dao gateway api".split())
_SETS_UP: Final = re.compile(
    r"(?i)^(?:is|has|set|with|add|build|to|as|from|of|new|close|timeout|header|name|id$|use|default|clone|builder|base)"
)
_CLIENT_TYPE: Final = r"\w*(?:Client|Repository|Dao|DAO|Gateway|Stub|Api|API)\b"
_TYPED: Final = re.compile(
    rf"\b(\w+)\s*:\s*(?:[\w.]+\.)?{_CLIENT_TYPE}"  # name: Type
    rf"|\b(?:[\w.]+\.)?{_CLIENT_TYPE}(?:<[^>]*>)?\s+\$?(\w+)\s*[;,)=]"  # Type name;
    rf"|\b(\w+)\s+\*?(?:[\w.]+\.)?{_CLIENT_TYPE}\s*[,)]?$"  # name Type (Go)
)
_PROJECTS: Final = re.compile(r"\.[sS]elect\s*[({]\s*(?:\(?\w+\)?\s*=>|\|\w+)")
_SQL: Final = re.compile(r"\b(SELECT\s.+\sFROM|INSERT\s+INTO|UPDATE\s+\S+\s+SET|DELETE\s+FROM)\b", re.I)


@dataclass(frozen=True, slots=True)
class Call:
    """A call as written: the whole name (`a.catalog.GetItem`) and its last part (`GetItem`)."""

    full: str
    name: str

    @property
    def receivers(self) -> tuple[str, ...]:
        """What it is called on, the outermost first (`a`, `catalog`)."""
        return tuple(_ACCESS.split(self.full)[:-1])


def without_strings(code: str) -> str:
    """The line with the content of its string literals removed."""
    return _STRING.sub('""', code)


def string_literals(code: str) -> list[str]:
    """Contents of the string literals of a line."""
    return [match[1:-1] for match in _STRING.findall(code)]


def calls(code: str) -> list[Call]:
    """Calls on a line, definitions and keywords aside."""
    text = without_strings(code)
    defined = definition(code)
    found = []
    for match in _CALL.finditer(text):
        full = re.sub(r"[\s)]|\?(?=\.)", "", match[1])
        name = _ACCESS.split(full)[-1]
        if name and name not in _NO_CALL and name != defined:
            found.append(Call(full, name))
    return found


def definition(code: str) -> str:
    """The name of the function that a line defines; '' when it defines none."""
    match = _DEFINITION.match(code)
    return (match[1] or match[2] or "") if match else ""


def call_names(lines: Iterable[Line]) -> dict[str, None]:
    """The names that lines call, in their order, once each."""
    return dict.fromkeys(call.name for line in lines for call in calls(line.code))


def is_local_call(call: Call) -> bool:
    """Whether a call is one of those in memory that every language has (append, len, log)."""
    return call.name.lower() in _LOCAL


def clients_of(codes: Iterable[str]) -> frozenset[str]:
    """Names that are declared to be clients, repositories or stubs: what is called on them leaves the process."""
    return frozenset(name for code in codes for match in _TYPED.finditer(code) for name in match.groups() if name)


def is_remote_call(call: Call, code: str, clients: frozenset[str] = frozenset()) -> bool:
    """Whether a call seems to leave the process: a query, a request, a message.

    Signs of it: it is awaited, it takes a context first (Go), it is a verb of a database or client library, or a
    plain verb (get, load, save) called on a receiver that stands for something remote; or the receiver is a client,
    by its name or as one of `clients`. In-memory operations (append, len, map.get) are none.
    """
    name, text = call.name.lower(), without_strings(code)
    takes_context = re.search(
        re.escape(call.name) + r"\s*\(\s*(?:ctx|context|r\.Context\(\)|c\.Request\.Context)", text
    )
    of_memory = name in _LOCAL and not (takes_context and not is_log_statement(code))
    of_memory = of_memory or (name == "select" and _PROJECTS.search(code) is not None)
    if of_memory or name.endswith(("exception", "error", "errorf")):
        return False
    parts = call.receivers
    receiver = frozenset(word for part in parts for word in words(part))
    if parts and (parts[-1] in clients or (words(parts[-1])[-1:] and words(parts[-1])[-1] in _CLIENTS)):
        return not _SETS_UP.match(call.name)
    awaited = re.search(r"await\s+(?:[\w$.]+\.)?{0}|{0}\s*\(.*\)\s*\.await\b".format(re.escape(call.name)), text)
    if takes_context or awaited or name.replace("_", "") in _REMOTE_VERBS or _SQL.search(code):
        return True
    verb = (words(call.name) or [""])[0]
    if verb in _FAR_VERBS and parts and len(words(call.name)) > 1:
        return True
    return (bool(receiver & _REMOTE) and verb in _PLAIN_VERBS) or bool(frozenset(words(call.name)) & {"rpc", "http"})


def loop_bodies(lines: Sequence[Line]) -> list[tuple[int, range]]:
    """Loops among lines of code: the index of the line that opens each, and the range of lines within it.

    A body is what is indented deeper than the line that opens it, which holds in every formatted language; a
    comprehension or a chained `.map(x => ...)` is its own body.
    """
    found = []
    for index, line in enumerate(lines):
        text = without_strings(line.code)
        if _COMPREHENSION.search(text):
            found.append((index, range(index, index + 1)))
        if not _LOOP.search(text) or _ENDLESS.search(text):
            continue
        end = block_after(lines, index).stop
        start = index if end == index + 1 or re.search(r"\.\w+\s*[({]|\barray_\w+\s*\(", text) else index + 1
        found.append((index, range(start, end)))
    return found


def endless_bodies(lines: Sequence[Line]) -> set[int]:
    """Places of the lines within loops that no head ends: those that read until there is nothing more, and others."""
    return {place for _, body in endless_loops(lines) for place in body}


def endless_loops(lines: Sequence[Line]) -> list[tuple[int, range]]:
    """Loops that no head ends: the line that opens each, and the lines within it."""
    heads = (n for n, line in enumerate(lines) if _ENDLESS.search(without_strings(line.code)))
    return [(head, block_after(lines, head)) for head in heads]


def tries_again(lines: Sequence[Line], head: int, body: range) -> bool:
    """Whether a loop repeats one call until it succeeds, at most so many times, and not a call for each of some items.

    It counts; and its head asks how the last try went, or its body looks at that and leaves.
    """
    opened = without_strings(lines[head].code)
    if not _COUNTS.search(opened):
        return False
    within = [without_strings(lines[place].code) for place in body if place != head]
    looks = any(_HANDLES.search(code) for code in within) and any(_LEAVES.search(code) for code in within)
    return _ASKS_ALSO.search(opened) is not None or looks


def block_after(lines: Sequence[Line], head: int) -> range:
    """The lines of the block that a line opens: those indented deeper, whose brace may stand on a line of its own."""
    end = head + 1
    if end < len(lines) and lines[end].code == "{" and lines[end].indent == lines[head].indent:
        end += 1
    while end < len(lines) and lines[end].indent > lines[head].indent:
        end += 1
    return range(head + 1, end)


def function_bodies(lines: Sequence[Line]) -> dict[str, Sequence[Line]]:
    """Bodies of the functions that lines define, by name."""
    return {
        name: [lines[i] for i in block_after(lines, index)]
        for index, line in enumerate(lines)
        if (name := definition(line.code))
    }


_METHOD: Final = re.compile(
    r"^\s*(?:export\s+)?(?:const|let|var)\s+(\w+)\s*=\s*(?:async\s*)?(?:\(|function\b)"
    r"|^\s*(?:async\s+)?(\w+)\s*\([^;]*\)\s*(?::\s*[\w<>\[\]., |]+)?\s*\{$"
)


def block_names(hunk: Hunk) -> frozenset[str]:
    """The functions that the changed lines of a hunk stand in; none where one of them stands in none that is known."""
    names = set()
    for side in (hunk.before, hunk.after):
        for index, line in enumerate(side):
            if not line.is_changed:
                continue
            name = function_around(side, index) or _function_name(hunk.heading)
            if not name:
                return frozenset()
            names.add(name)
    return frozenset(names)


def function_around(side: Sequence[Line], index: int) -> str:
    """The name of the function that a line stands in; '' when none is shown."""
    return next((name for line in lines_around(side, index) if (name := _function_name(line.code))), "")


def function_of(hunk: Hunk, side: Sequence[Line], index: int) -> str:
    """The function that a line stands in; by the heading of its hunk where no line shows it, '' where that neither."""
    return function_around(side, index) or definition(hunk.heading.strip())


def lines_around(side: Sequence[Line], index: int) -> Iterator[Line]:
    """The lines that a line stands in, the nearest first, by indentation; braces on lines of their own aside."""
    indent = side[index].indent
    for place in range(index - 1, max(-1, index - 1 - MAX_BLOCK_LINES), -1):
        if indent == 0:
            return
        line = side[place]
        if line.indent < indent and line.code != "{":
            indent = line.indent
            yield line


def _function_name(code: str) -> str:
    match = _METHOD.match(code)
    name = definition(code) or (match[1] or match[2] if match else "")
    return "" if name in _NO_CALL else name


def is_import(code: str) -> bool:
    """Whether a line imports, includes or requires."""
    return bool(
        re.match(
            r"\s*(?:import|from|using|use|package|#include|require(?:_relative)?|export \* from|extern crate)\b", code
        )
        or re.match(r"""\s*(?:\w+\s+)?"[\w./@-]+"$""", code)
        or re.match(r"\s*(?:const|let|var)\s+[\w{}, ]+=\s*require\(", code)
    )


_LOG: Final = re.compile(
    r"^\s*(?:\$?(?:self|this|s|c|h|w|f)(?:\.|->))?_?(?:log|logger|logging|slog|zap|console|klog|glog|LOG|fmt)[\w]*(?:\.|->|::|\()"
    r"|^\s*(?:LOG|LOG_[A-Z]+|log|debug|info|warn|error|trace|println|eprintln|print|printf|puts)!?\s*\("
    r"|^\s*(?:tracing|Log|Logger|Rails\.logger|logger)[.:]|^\s*logger\s*=\s*logger\."
)
_TELEMETRY: Final = re.compile(
    r"(?i)^\s*(?:return\s+)?[\w.]*(?:metrics?|prometheus|statsd|span|tracer|telemetry|histogram|counter|gauge|meter)_?"
    r"[\w]*(?:\.|->|::)\w+|MustRegister\(|SetAttributes\(|(?:New|new_?)(?:Histogram|Counter|Gauge|"
    r"Summary)(?:Vec|Opts)?\b|^\s*\w+\s*:?=\s*(?:[\w.]+\.)?(?:Histogram|Counter|Gauge|Summary)\("
    r"|HistogramOpts|CounterOpts|GaugeOpts|DefBuckets|^\s*(?:Name|Help|Buckets|Namespace|Subsystem):"
)


def is_log_statement(code: str) -> bool:
    """Whether a line only writes to a log."""
    return bool(_LOG.search(without_strings(code)))


def is_telemetry(code: str) -> bool:
    """Whether a line only records a metric or annotates a span."""
    return bool(_TELEMETRY.search(without_strings(code)))


def computes_nothing(code: str) -> bool:
    """Whether a line only imports, writes to a log, records a metric or annotates a span."""
    return is_import(code) or is_log_statement(code) or is_telemetry(code)


def captured(pattern: re.Pattern[str], codes: Iterable[str]) -> dict[str, None]:
    """What the groups of a pattern find in lines, in their order, once each."""
    return dict.fromkeys(
        group for code in codes for match in pattern.finditer(code) for group in match.groups() if group
    )
