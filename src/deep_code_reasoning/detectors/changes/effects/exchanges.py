"""What a change takes away, brings instead and leaves as it is: by the table of `exchange_table.py`."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..code import is_import, is_log_statement, lines_around
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .exchange_table import EXCHANGES, Exchange

_NAME: Final = re.compile(r"[A-Za-z_]\w{2,}")
_KEEPS: Final = re.compile(r"^(?:return\s+)?([\w@$.>-]+)\s*(?:\|\||\?\?)=")


@dataclass(frozen=True, slots=True)
class _Read:
    """A hunk, and its changed lines with what rules read them as."""

    hunk: Hunk
    removed: Sequence[tuple[str, Line]]
    added: Sequence[tuple[str, Line]]


def extract(patch: Patch) -> list[Effect]:
    """The exchanges of the table, each once in a hunk that shows it, by whichever of its rules."""
    hunks = [_Read(hunk, _changed(hunk, hunk.before), _changed(hunk, hunk.after)) for hunk in patch.running]
    files: dict[str, list[Line]] = defaultdict(list)
    for hunk in patch.running:
        files[hunk.path] += hunk.after
    found: dict[tuple[int, str], Effect] = {}
    for rule in EXCHANGES:
        shown = [(place, line) for place, read in enumerate(hunks) if (line := _exchanged(rule, read)) is not None]
        # What was moved within the patch is not gone.
        if not shown or any(rule.takes(text) for read in hunks for text, _ in read.added):
            continue
        for place, line in shown:
            path = hunks[place].hunk.path
            if rule.stays is None or rule.stays.search(path) or _any(rule.stays, files[path]):
                says = f"{rule.says}: `{line.code[:80]}`" + (" is gone" if rule.gone else "")
                names = tuple(dict.fromkeys(_NAME.findall(line.code)))[:12]
                found.setdefault((place, rule.says), Effect(rule.effect, says, path, names, sureness=rule.sureness))
    return list(found.values())


def _exchanged(rule: Exchange, read: _Read) -> Line | None:
    """The line of a hunk that tells of an exchange: the one that is gone, else the one that came."""
    gone = next((line for text, line in read.removed if rule.takes(text)), None) if rule.gone else None
    if rule.gone and (gone is None or _still_kept(gone, read)):
        return None
    come = next((line for text, line in read.added if rule.brings(text)), None) if rule.come else None
    # What there was already did not come.
    if rule.come and (come is None or _any(rule.come, read.hunk.before)):
        return None
    return gone or come


def _changed(hunk: Hunk, side: Sequence[Line]) -> list[tuple[str, Line]]:
    """The changed lines of a side; in configuration with the names of the blocks that they stand in."""
    changed = [(index, line) for index, line in enumerate(side) if line.is_changed and _acts(line)]
    if hunk.kind != "config":
        return [(line.code, line) for _, line in changed]
    return [(" ".join((*(o.code for o in lines_around(side, index)), line.code)), line) for index, line in changed]


def _any(pattern: re.Pattern[str], lines: Iterable[Line]) -> bool:
    return any(pattern.search(line.code) and _acts(line) for line in lines)


def _acts(line: Line) -> bool:
    return not (is_import(line.code) or is_log_statement(line.code))


def _still_kept(gone: Line, read: _Read) -> bool:
    """Whether what was kept under a name, where there was none yet, is kept under it still."""
    match = _KEEPS.match(gone.code)
    return match is not None and any(line.code.startswith(f"{match[1]} =") for _, line in read.added)
