"""Days that begin in one time zone and are taken in another: right for most of a day, and wrong for its last hours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..code import is_import, is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect

# Where a moment becomes a date, or a date the moment at which it begins or ends.
_OF_DAYS: Final = re.compile(
    r"\batTime\(|\batStartOfDay\b|\bLocalTime\.M(?:AX|IN|IDNIGHT)\b|\btruncatedTo\(\s*(?:ChronoUnit\.)?DAYS|\bLocalDate\b|\bDateOnly\b"
    r"|\b(?i:(?:start|end|beginning)_?of_?(?:the_?)?day)\b|\b(?:start|end)Of\(\s*[\"']day|\bset(?:UTC)?Hours\(\s*(?:0|23)\b|\bcombine\("
    r"|\breplace\(\s*hour\s*=\s*(?:0|23)\b|\bdate_trunc\(\s*'day'|\.date\(\s*\)|\.Date\b|\bDate(?:Time)?\.[Tt]oday\b|\bdate\.today\(|\btoday\(\)"
    r"|\bmidnight\b|\btime\.Date\(|\bdate_naive\(\)|\band_hms(?:_opt)?\(\s*(?:0|23)\b|\bslice\(\s*0\s*,\s*10\s*\)|\bDATE\s*\("
)
_UTC: Final = re.compile(
    r"(?<![A-Za-z])(?:UTC|utc)(?![A-Za-z])|\butcnow\b|\bUtcNow\b|\bUtc::|\b(?:get|set)UTC\w+|\btoISOString\b|\bgmtime\b"
)
# Names of the IANA's database (`Europe/Athens`), and constants and members that hold a zone.
_ZONE: Final = re.compile(
    r"[\"']([A-Z][a-z]+/[A-Z]\w+(?:/\w+)?)[\"']|\b(\w*(?:ZONE|_TZ)|TZ|(?:\w+[a-z.])?(?:[tT]ime)?Zone(?=[),;]|$))\b"
)
_LOCAL: Final = re.compile(
    r"\bLocalDate(?:Time)?\.now\(\s*\)|\bdatetime\.now\(\s*\)|\bdate\.today\(\s*\)|\bDateTime\.(?:Now|Today)\b|\bsystemDefault\(\)|\btime\.Local\b"
    r"|\bLocal::now|\bDate\.today\b|\.setHours\(\s*(?:0|23)\b"
)
# What tells the same moment in another zone: a day that is taken after it is the other zone's own.
_CONVERTS: Final = re.compile(
    r"\bastimezone\(|\bwithZoneSameInstant\(|\bin_time_zone\b|\.In\(|\bConvertTime\w*\(|\bAT TIME ZONE\b"
    r"|\bwith_timezone\(|\bsetTimezone\(|\btoLocalDate\(|\butcToZonedTime\(|\.tz\(|\bsetZone\("
)


def extract(patch: Patch) -> list[Effect]:
    """Dates of one zone whose beginning or end is taken in another."""
    return [effect for hunk in patch.running if hunk.kind == "code" for effect in _of_two_zones(hunk)]


def _of_two_zones(hunk: Hunk) -> Iterator[Effect]:
    new = [line for line in hunk.added if not (is_import(line.code) or is_log_statement(line.code))]
    days = [line for line in new if _OF_DAYS.search(line.code)]
    if not days or any(_CONVERTS.search(line.code) for line in new):
        return
    zones, before = _zones(hunk.after), _zones(hunk.before)
    if len(zones) < 2 or len(before) >= len(zones) or not _zones(new):
        return
    says = f"takes a day of one time zone in another ({', '.join(sorted(zones))}): `{days[0].code[:80]}`"
    yield Effect("time_zone_changed", says, hunk.path, tuple(sorted(zones)), sureness=0.95)


def _zones(lines: Iterable[Line]) -> set[str]:
    """The zones that lines speak of; a name that is given a zone is this zone."""
    found: set[str] = set()
    named: dict[str, str] = {}
    for line in lines:
        if _UTC.search(line.code):
            found.add("UTC")
        if _LOCAL.search(line.code):
            found.add("local time")
        matches = list(_ZONE.finditer(line.code))
        known = next((m[1] for m in matches if m[1]), "")
        for match in matches:
            name = match[1] or match[2]
            found.add(name)
            if known and match[2]:
                named[match[2]] = known
    return {named.get(name, name) for name in found}
