"""Whose heap a dump is and when it was taken, as far as its path says."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from ..domain.instant import NS_PER_S
from .base import EvidenceFile
from .log_origin import origin_of, workload_of

# `20261126.101500`, `2026-11-26T10:15:00`, as tools write it into the names of dumps; and seconds or milliseconds.
_DATE: Final = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)[T_.\s-]?(\d\d)[-_:.h]?(\d\d)(?:[-_:.m]?(\d\d))?")
_EPOCH: Final = re.compile(r"(?<!\d)(1\d{9})(\d{3})?(?!\d)")
_ENDING: Final = re.compile(r"(?i)(?:\.(?:hprof|bin|phd|heapsnapshot|histo|histogram|txt|gz|zst|dump))+$")
# Pieces of a name that say what the file is, not whose; a number is a process, a counter or a time.
_ABOUT: Final = re.compile(
    r"(?i)(?:java_?)?pid\d*|heap|heapdump|dump|snapshot|heapsnapshot|histo|histogram|hprof|jmap|oom|live|full|before|after"
    r"|\d+"
)


@dataclass(frozen=True, slots=True)
class HeapOrigin:
    """The columns that all rows of a dump share."""

    dump: str
    service: str
    instance: str
    time_ns: int
    time_guess: str

    def columns(self) -> dict[str, Any]:
        """As the columns of a row."""
        return {name: getattr(self, name) for name in self.__slots__}


def heap_origin(file: EvidenceFile, own_time_ns: int = 0) -> HeapOrigin:
    """Who and when; `own_time_ns` is what the dump itself says, 0 if nothing."""
    folder, slash, base = file.name.rpartition("/")
    origin = origin_of(replace(file, name=folder + slash + _whose(base)))
    # Dumps are often named for the pod that they are of.
    service = workload_of(origin.service)
    instance = origin.instance or (origin.service if service != origin.service else "")
    time_ns, guess = (own_time_ns, "") if own_time_ns else _time(file, base)
    return HeapOrigin(file.name, service or _ENDING.sub("", base), instance, time_ns, guess)


def _whose(name: str) -> str:
    """The name of a file without the pieces at either end that say what it is, which process, and when."""
    pieces = re.split(r"([-_.]+)", _EPOCH.sub("", _DATE.sub("", _ENDING.sub("", name))))
    words = pieces[::2]
    kept = [place for place, word in enumerate(words) if word and not _ABOUT.fullmatch(word)]
    return "".join(pieces[2 * kept[0] : 2 * kept[-1] + 1]) if kept else ""


def _time(file: EvidenceFile, name: str) -> tuple[int, str]:
    """When the dump was taken by its name (taken as UTC), else when the file was last written."""
    if (date := _DATE.search(name)) is not None:
        try:
            year, month, day, hour, minute, second = (int(part or 0) for part in date.groups())
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            return int(moment.timestamp()) * NS_PER_S, "name"
        except ValueError:
            pass
    if (epoch := _EPOCH.search(name)) is not None:
        return int(epoch[1]) * NS_PER_S + int(epoch[2] or 0) * 1_000_000, "name"
    return file.path.stat().st_mtime_ns, "modified"
