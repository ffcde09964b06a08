"""What keeps its name and is of another type from now on: a message's member, a moment's form, a parameter.

The name on the wire is what readers elsewhere go by. It stands in an annotation beside a field (Jackson, Gson, Moshi,
kotlinx.serialization, Go's `json` tags, System.Text.Json, Newtonsoft, serde), it is the key of a literal, or of the
field itself, in a class that is called for what is sent (an event, a message, a response). A field that keeps that name
and gets a type of another shape, or a key whose value was a number of milliseconds and is text (ISO 8601) now, breaks
who reads it as before. Of a variable or a parameter a narrower type refuses what was taken.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from ..diff import Hunk, Line, Patch, normalise
from ..effect import Effect
from .pairs import paired

_ANNOTATED: Final = re.compile(
    r"""@(?:field:|get:|param:)?(?:JsonProperty|SerializedName|SerialName|JsonNames?|Json|JsonAlias|XmlElement)
        \(\s*(?:(?:value|name)\s*=\s*)?"(?P<name>[^"]+)"[^)]*\)\s*
        (?:(?:private|public|protected|internal|final|static|override|required)\s+)*
        (?:va[lr]\s+\w+\s*:\s*(?P<after>[\w.<>\[\]?, ]*[\w>\]?])|(?P<type>[\w.<>\[\]?]+)\s+\w+)""",
    re.VERBOSE,
)
_TAGGED: Final = re.compile(r'^\s*\w+\s+(?P<type>[\w.*\[\]]+)\s+`[^`]*\bjson:"(?P<name>[^",]+)')
_ATTRIBUTED: Final = re.compile(
    r'\[(?:JsonPropertyName|JsonProperty|DataMember)\(\s*(?:\w+\s*=\s*)?"(?P<name>[^"]+)"[^\]]*\]\s*'
    r"(?:(?:public|private|internal|required|readonly|virtual|static)\s+)*(?P<type>[\w.<>\[\]?]+)\s+\w+"
)
_TYPED: Final = re.compile(
    r"\b(?P<name>[A-Za-z_$]\w*)\s*:\s*(?P<type>\??[A-Za-z_][\w<>\[\]., |?]*)|(?P<pre>\??(?:int|long|"
    r"float|double|string|String|bool|boolean|Integer|Long|UUID|BigDecimal|uint\d*|int\d+|float\d+|"
    r"decimal|char|byte\[\]|Date|Instant))\s+(?P<var>\$?[A-Za-z_]\w*)"
    r"|^\s*(?P<field>[A-Z]\w*)\s+(?P<gotype>[\[\]*\w.]+)\s*(?:`|$)"
)
# A field that is sent under its own name, the type behind it or before it.
_PLAIN: Final = (
    re.compile(
        r"^\s*(?:(?:override|public|private|protected|internal|pub|final|readonly|va[lr]|required)\s+)*(?P<name>\w+)\??\s*"
        r":\s*(?P<type>[\w.<>\[\]?]+(?:, ?[\w.<>\[\]?]+>)?)\s*(?:[,;)=/#]|$)"
    ),
    re.compile(
        r"^\s*(?:(?:public|private|protected|internal|final|readonly|required)\s+)*"
        r"(?P<type>[\w.]+(?:<[\w., <>]+>|\[\])?\??)\s+(?P<name>\w+)\s*(?:[;,)]|\{\s*get\b|$)"
    ),
)
_SENT: Final = re.compile(r"(?i)event|message|dto(?![a-z])|payload|request|response|envelope|contract|schema")
_CLASS: Final = re.compile(r"[A-Z]\w*(?:\.\w+)*")
_KEYED: Final = re.compile(r"""^\s*["']?(?P<name>[A-Za-z_][\w-]*)["']?\s*(?::|=>|=)\s*(?P<value>.+)$""")

_PRIMITIVE: Final = re.compile(
    (
        r"^\??\*?(?:\[\])?(?:int|long|float|double|string|str|bool|boolean|number|bigint|uuid|decimal|"
        r"bigdecimal|byte|bytes|date|instant|datetime|uint|any|object|integer|short|char)\d*\b"
    ),
    re.I,
)
# Shapes in JSON. Numbers of all widths are one: what is wider is another kind of change.
_SHAPES: Final = (
    ("number", r"u?int\d*|i8|i16|i32|i64|u8|u16|u32|u64|usize|long|short|byte|float\d*|f32|f64|double|decimal|number"
               r"|integer|bigdecimal|biginteger|json\.number"),
    ("text", r"string|str|char|text|uuid|guid|instant|localdate(time)?|offsetdatetime|zoneddatetime|date(time)?"
             r"|datetimeoffset|datetime(<utc>)?|time\.time|timestamp|enum"),
    ("truth", r"bool(ean)?"),
    ("list", r"list<.*>|set<.*>|collection<.*>|\[\].*|.*\[\]|vec<.*>|array<.*>|ienumerable<.*>"),
    ("object", r"map<.*>|map\[.*|dictionary<.*>|hashmap<.*>"),
)  # fmt: skip
_NUMBER_OF_TIME: Final = re.compile(
    r"toEpochMilli|toEpochSecond|getEpochSecond|currentTimeMillis|\.getTime\(\)|Date\.now\(\)|\.valueOf\(\)"
    r"|\.Unix(?:Milli|Nano|Micro)?\(\)|ToUnixTime\w+|\.timestamp\(\)|\.timestamp_millis\(\)|\btime\.time\(\)|\.to_i\b"
    r"|\.to_f\b|strtotime|microtime|\bint\(.*\*\s*1_?000"
)
_TEXT_OF_TIME: Final = re.compile(
    r"toISOString|isoformat|RFC3339|to_rfc3339|iso8601|ISO_\w+|DateTimeFormatter|strftime|\.ToString\(\s*\"[oOsu]\""
    r"|date\(\s*['\"](?:c|DATE_ATOM)|\bformat\(\s*['\"][yY]{4}"
)


def extract(patch: Patch) -> list[Effect]:
    """Members of messages, variables and parameters that keep their name and change what stands under it."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind == "code":
            found += _types(hunk)
            found += _moments(hunk)
    return found


def _types(hunk: Hunk) -> Iterator[Effect]:
    """By the name on the wire where a line has one: that is what others read, whatever the field is called."""
    is_sent = _SENT.search(" ".join((hunk.path.rpartition("/")[2], hunk.heading, *_classes(hunk)))) is not None
    before = {name: shown for line in hunk.removed for name, shown in _member(line, is_sent)}
    others = []
    for line in hunk.added:
        told = [
            _changed(hunk, (name, *_typed([line.code])), before[name][1], written)
            for name, (shape, written) in _member(line, is_sent)
            if name in before and before[name][0] != shape
        ]
        yield from told
        if not told:
            others.append(line.code)
    yield from _narrower(hunk, _typed(others))


def _classes(hunk: Hunk) -> Iterator[str]:
    """The lines that begin a class or the like."""
    declares = re.compile(r"\b(?:class|record|interface|struct|type)\s+[A-Z]")
    return (line.code for line in hunk.lines if declares.search(line.code))


def _member(line: Line, is_sent: bool) -> Iterator[tuple[str, tuple[str, str]]]:
    """The name on the wire, the shape and the type of the field that a line declares, if it does."""
    for pattern in (_ANNOTATED, _TAGGED, _ATTRIBUTED):
        match = pattern.search(line.code)
        if match:
            written = (match["type"] or match.groupdict().get("after") or "").strip()
            shape = _shape(written)
            if shape:
                yield match["name"], (shape, written)
            return
    for plain in _PLAIN if is_sent else ():
        match = plain.match(line.code)
        if match:
            shape = _shape(match["type"]) or ("object" if _CLASS.fullmatch(match["type"]) else "")
            if shape:
                yield match["name"], (shape, match["type"])
            return


def _shape(written: str) -> str:
    plain = re.sub(r"^(?:Optional|Option|Nullable)<(.*)>$", r"\1", written.strip().lstrip("*")).rstrip("?").lower()
    return next((shape for shape, pattern in _SHAPES if re.fullmatch(pattern, plain)), "")


def _narrower(hunk: Hunk, new: Mapping[str, str]) -> Iterator[Effect]:
    old = _typed(line.code for line in hunk.removed)
    for name, shape in new.items():
        before = old.get(name)
        if before and shape and normalise(before) != normalise(shape) and _is_narrower(before, shape):
            yield _changed(hunk, (name,), before, shape, sureness=0.85)
    bare = {m[1] for line in hunk.removed for m in re.finditer(r"[(,]\s*(\$?[A-Za-z_]\w*)\s*(?=[,)=])", line.code)}
    for name in sorted(set(new) & bare - set(old)):
        # PHP and TypeScript enforce or erase such a type; a bare annotation in Python does nothing.
        if hunk.path.endswith(".php"):
            yield Effect("type_changed", f"{name} must now be {new[name]}", hunk.path, (name, new[name]), sureness=0.8)


def _typed(codes: Iterable[str]) -> dict[str, str]:
    found = {}
    for code in codes:
        for match in _TYPED.finditer(code):
            name = match["name"] or match["var"] or match["field"]
            found[name] = (match["type"] or match["pre"] or match["gotype"] or "").strip()
    return found


def _is_narrower(before: str, after: str) -> bool:
    """Whether the change of type can refuse what was taken before: between plain types, or optional to required."""
    if ("None" in before or "null" in before or "?" in before or "Optional" in before) and not re.search(
        r"None|null|\?|Optional", after
    ):
        return True
    return bool(_PRIMITIVE.match(before) and _PRIMITIVE.match(after))


def _moments(hunk: Hunk) -> Iterator[Effect]:
    for old, new in paired(hunk):
        before, after = _KEYED.match(old.code), _KEYED.match(new.code)
        if not before or not after or before["name"] != after["name"]:
            continue
        forms = [
            "a number" if _NUMBER_OF_TIME.search(value) else "text" if _TEXT_OF_TIME.search(value) else ""
            for value in (before["value"], after["value"])
        ]
        if all(forms) and forms[0] != forms[1]:
            yield _changed(hunk, (before["name"],), forms[0], forms[1])


def _changed(hunk: Hunk, names: tuple[str, ...], before: str, after: str, sureness: float = 0.9) -> Effect:
    summary = f"{names[0]} changes from {before} to {after}"
    return Effect("type_changed", summary, hunk.path, (*dict.fromkeys(names), before, after), sureness=sureness)
