"""What a change takes away, brings instead and leaves as it is: by the table of `exchange_table.py`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..code import is_import, is_log_statement, lines_around
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .exchange_table import EXCHANGES, Exchange

_NAME: Final = re.compile(r"[A-Za-z_]\w{2,}")
_KEEPS: Final = re.compile(r"^(?:return\s+)?([\w@$.>-]+)\s*(?:\|\||\?\?)=")


@dataclass(frozen=True, slots=True)
class _Texts:
    """A hunk as rules look at it: its changed lines with what they are read as, and the code of all lines."""

    hunk: Hunk
    removed: Sequence[tuple[str, Line]]
    added: Sequence[tuple[str, Line]]
    before: Sequence[str]
    after: Sequence[str]

    @classmethod
    def of(cls, hunk: Hunk) -> _Texts:
        before, after = hunk.before, hunk.after
        return cls(hunk, _changed(hunk, before), _changed(hunk, after), _codes(before), _codes(after))


def extract(patch: Patch) -> list[Effect]:
    """The exchanges of the table, each once in a hunk that shows it, by whichever of its rules."""
    hunks = [_Texts.of(hunk) for hunk in patch.running]
    found: dict[tuple[int, str], Effect] = {}
    for rule in EXCHANGES:
        for place, read in enumerate(hunks):
            if (place, rule.says) not in found and (line := _exchanged(rule, read, hunks)) is not None:
                says = f"{rule.says}: `{line.code[:80]}`" + (" is gone" if rule.gone else "")
                names = tuple(dict.fromkeys(_NAME.findall(line.code)))[:12]
                found[place, rule.says] = Effect(rule.effect, says, read.hunk.path, names, sureness=rule.sureness)
    return list(found.values())


def _exchanged(rule: Exchange, read: _Texts, hunks: Sequence[_Texts]) -> Line | None:
    """The line that tells of an exchange: the one that is gone, else the one that came."""
    gone = next((line for text, line in read.removed if rule.takes(text)), None)
    come = next((line for text, line in read.added if rule.brings(text)), None)
    if (rule.gone and gone is None) or (rule.come and come is None):
        return None
    # What was moved within the patch is not gone, and what there was already did not come.
    if any(rule.takes(text) for other in hunks for text, _ in other.added) or (gone and _still_kept(gone, read)):
        return None
    if any(rule.brings(text) for text in read.before):
        return None
    same_file = (text for other in hunks if other.hunk.path == read.hunk.path for text in other.after)
    if rule.stays and not any(rule.stays.search(text) for text in (read.hunk.path, *same_file)):
        return None
    return gone or come


def _changed(hunk: Hunk, side: Sequence[Line]) -> list[tuple[str, Line]]:
    """The changed lines of a side; in configuration with the names of the blocks that they stand in."""
    changed = [(index, line) for index, line in enumerate(side) if line.is_changed and _acts(line)]
    if hunk.kind != "config":
        return [(line.code, line) for _, line in changed]
    return [(" ".join((*(o.code for o in lines_around(side, index)), line.code)), line) for index, line in changed]


def _codes(lines: Sequence[Line]) -> list[str]:
    return [line.code for line in lines if _acts(line)]


def _acts(line: Line) -> bool:
    return not (is_import(line.code) or is_log_statement(line.code))


def _still_kept(gone: Line, read: _Texts) -> bool:
    """Whether what was kept under a name, where there was none yet, is kept under it still."""
    match = _KEEPS.match(gone.code)
    return match is not None and any(line.code.startswith(f"{match[1]} =") for _, line in read.added)
