"""What a message says under one name, and says otherwise from now on: a member's type, a moment's form.

The name on the wire is what readers elsewhere go by. It stands in an annotation beside a field (Jackson, Gson, Moshi,
kotlinx.serialization, Go's `json` tags, System.Text.Json, Newtonsoft, serde), or it is the key of a literal. A field
that keeps that name and gets a type of another shape, or a key whose value was a number of milliseconds and is text
(ISO 8601) now, breaks who reads it as before.
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


def _changed(hunk: Hunk, name: str, before: str, after: str) -> Effect:
    summary = f"{name} changes from {before} to {after}"
    return Effect("type_changed", summary, hunk.path, (name, before, after), sureness=0.9)
