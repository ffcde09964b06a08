"""What a message says under one name, and says otherwise from now on: a member's type, a moment's form.

The name on the wire is what readers elsewhere go by. It stands in an annotation beside a field (Jackson, Gson, Moshi,
kotlinx.serialization, Go's `json` tags, System.Text.Json, Newtonsoft, serde), or it is the key of a literal. A field
that keeps that name and gets a type of another shape, or a key whose value was a number of milliseconds and is text
(ISO 8601) now, breaks who reads it as before.

A whole number of 64 bits is sent as text where readers keep numbers as doubles, which hold 53 bits: sent as a number,
those above 9,007,199,254,740,992 come to be others (RFC 8259, section 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk, Line, Patch
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
_KEYED: Final = re.compile(r"""^\s*["']?(?P<name>[A-Za-z_][\w-]*)["']?\s*(?::|=>|=)\s*(?P<value>.+)$""")

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
    """Members of messages that keep their name and change what stands under it."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind == "code":
            found += _retyped(hunk)
            found += _as_numbers(hunk)
            found += _moments(hunk)
    return found


def _retyped(hunk: Hunk) -> Iterator[Effect]:
    before = {name: shown for line in hunk.removed for name, shown in _member(line)}
    for line in hunk.added:
        for name, (shape, written) in _member(line):
            was = before.get(name)
            if was is not None and was[0] != shape:
                yield _changed(hunk, name, was[1], written)


def _member(line: Line) -> Iterator[tuple[str, tuple[str, str]]]:
    """The name on the wire, the shape and the type of the field that a line declares, if it does."""
    for pattern in (_ANNOTATED, _TAGGED, _ATTRIBUTED):
        match = pattern.search(line.code)
        if match:
            written = (match["type"] or match.groupdict().get("after") or "").strip()
            shape = _shape(written)
            if shape:
                yield match["name"], (shape, written)
            return


def _shape(written: str) -> str:
    plain = re.sub(r"^(?:Optional|Option|Nullable)<(.*)>$", r"\1", written.strip().lstrip("*")).rstrip("?").lower()
    return next((shape for shape, pattern in _SHAPES if re.fullmatch(pattern, plain)), "")


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
            yield _changed(hunk, before["name"], forms[0], forms[1])


def _as_numbers(hunk: Hunk) -> Iterator[Effect]:
    """Whole numbers of 64 bits that were sent as text, and are sent as numbers: readers keep 53 bits (RFC 8259, 6)."""
    for old, new in paired(hunk):
        if _AS_TEXT.search(old.code) and not _IS_TEXT.search(new.code) and not _AS_TEXT_ABOVE.search(new.code):
            names = tuple(dict.fromkeys(re.findall(r"[\"'](\w+)[\",']", old.code)))
            says = f"{', '.join(names[:2]) or 'a number'} is sent as a number and was sent as text: `{new.code[:80]}`"
            # What is made text in code may be so for another purpose than to be sent.
            yield Effect("ids_rounded", says, hunk.path, names, sureness=0.9 if _TAGGED.search(old.code) else 0.6)
            return
    gone = [line for line in hunk.removed if _AS_TEXT_ABOVE.search(line.code)]
    kept = any(_AS_TEXT_ABOVE.search(line.code) for line in hunk.added)
    if gone and not kept and any(_OF_IDS.search(line.code) for line in hunk.lines):
        names = tuple(dict.fromkeys(name for line in hunk.lines for name in _OF_IDS.findall(line.code)))
        says = f"numbers are sent as such and were sent as text: `{gone[0].code[:80]}` is gone"
        yield Effect("ids_rounded", says, hunk.path, names[:4], sureness=0.85)


# Go's `string` option, the casts of JavaScript, Python, Ruby, PHP, C# and Kotlin on what is called an id.
_AS_TEXT: Final = re.compile(
    r'json:"[^"]*,string[",]|\bString\(\s*[\w.]*[iI]d\s*\)|[iI]d\.toString\(\)|\bstr\(\s*[\w.]*id\s*\)|\bid\.to_s\b'
    r"|\(string\)\s*\$\w+->\w*[iI]d\b|[iI]d\.ToString\(\)|strconv\.FormatInt\("
)
_IS_TEXT: Final = re.compile(rf"{_AS_TEXT.pattern}|(?i:sprint|format|concat)|\bs?tr(?:ing)?\(|[$#]\{{|\bstring\b")
# What stands above a field, or is set for all: Jackson, System.Text.Json, serde, protobuf's and fastjson's options.
_AS_TEXT_ABOVE: Final = re.compile(
    r"ToStringSerializer|JsonFormat\(.*STRING|WriteAsString|DisplayFromStr|WRITE_NUMBERS_AS_STRINGS"
    r"|WriteNumbersAsStrings|BrowserCompatible|jstype\s*=\s*JS_STRING|LongAsString|serialize_i64_as_string"
)
_OF_IDS: Final = re.compile(r"\b(\w*(?:[iI]d|ID))\b")


def _changed(hunk: Hunk, name: str, before: str, after: str) -> Effect:
    summary = f"{name} changes from {before} to {after}"
    return Effect("type_changed", summary, hunk.path, (name, before, after), sureness=0.9)
