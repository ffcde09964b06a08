"""What a change takes away, brings instead and leaves as it is: by the table of `exchange_table.py`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..code import is_import, is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .exchange_table import EXCHANGES, Exchange


def extract(patch: Patch) -> list[Effect]:
    """The exchanges of the table, each once a file."""
    hunks = [hunk for hunk in patch.running if hunk.kind not in ("manifest", "schema")]
    found: dict[tuple[str, str], Effect] = {}
    for rule in EXCHANGES:
        for hunk in hunks:
            line = _exchanged(rule, hunk, hunks)
            if line is not None:
                says = f"{rule.says}: `{line.code[:80]}`"
                names = tuple(dict.fromkeys(re.findall(r"[A-Za-z_]\w{2,}", line.code)))[:12]
                found.setdefault(
                    (rule.effect, hunk.path), Effect(rule.effect, says, hunk.path, names, sureness=rule.sureness)
                )
    return list(found.values())


def _exchanged(rule: Exchange, hunk: Hunk, hunks: Iterable[Hunk]) -> Line | None:
    """The line that tells of an exchange: the one that is gone, else the one that came."""
    gone = _first(rule.gone, hunk.removed)
    come = _first(rule.come, hunk.added)
    if (rule.gone and gone is None) or (rule.come and come is None):
        return None
    # What was moved within the patch is not gone, and what there was already did not come.
    if rule.gone and any(_first(rule.gone, other.added) for other in hunks):
        return None
    if rule.come and _first(rule.come, hunk.before):
        return None
    same_file = [other for other in hunks if other.path == hunk.path]
    if rule.stays and not any(_first(rule.stays, other.after) for other in same_file):
        return None
    return gone or come


def _first(pattern: re.Pattern[str] | None, lines: Iterable[Line]) -> Line | None:
    if pattern is None:
        return None
    return next(
        (
            line
            for line in lines
            if pattern.search(line.code) and not is_import(line.code) and not is_log_statement(line.code)
        ),
        None,
    )
