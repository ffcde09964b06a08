"""Rows that a transaction locks in another order than before, or in none: two that meet wait for each other.

A row is locked by those who ask for it so (`FOR UPDATE`, `lockById`), and by every write until the transaction ends; to
take locks in one order everywhere is how deadlocks are kept away (Coffman, Elphick, Shoshani, *System Deadlocks*, 1971:
no circular wait).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from ..code import is_import, is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect

_LOCKS: Final = re.compile(
    r"(?i)\bfor (?:no key )?update\b|for_?update\w*\s*\(|(?<![a-z])lock(?!ed|out)\w*!?\s*\(|\bpessimistic_?write\b"
    r"|\b(?:with|try|acquire|find\w*?|get\w*?|select\w*?)_?lock(?!ed|out)\w*!?\s*[({]"
)
_WRITES: Final = re.compile(
    r"(?i)(?:\.|->|::)_*(?:update|save|insert|delete|remove|release|take|reserve|decrement|increment|debit|credit|deposit|"
    r"withdraw|move|transfer|consume|allocate|adjust|free|book|set_?(?:status|balance|stock|quantity))\w*[!]?\s*\("
)
_STATEMENT: Final = re.compile(
    r"(?i)\b(?:update\s+(?!of\b|set\b|skip\b|nowait\b)(?:only\s+)?|delete\s+from\s+|insert\s+into\s+)[\"'`\[]?([\w.]+)"
)
_SELECTED: Final = re.compile(r"(?i)\bfrom\s+[\"'`\[]?([\w.]+)")
_RECEIVER: Final = re.compile(r"(?:(?:self|this|@|\$this)(?:\.|->))?@?\$?_?(\w+)(?:\.|->|::)_*\w+[!]?\s*\(")
_SORTS: Final = re.compile(
    r"(?i)\bsorted\(|\.sort\w*[!(]|\bsort_?by\b|\border ?by\b|\.order\(|\bsort\.\w+\(|\.toSorted\(|\bTreeSet\b"
)


def extract(patch: Patch) -> list[Effect]:
    """Transactions that come to lock in another order."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind in ("code", "sql"):
            found += _reordered(hunk)
            found += _unsorted(hunk)
    return found


def _reordered(hunk: Hunk) -> Iterator[Effect]:
    old, new = _taken(hunk.before), _taken(hunk.after)
    common = [name for name in old if name in new]
    # Whoever only writes may write in any order as far as a diff tells; with a lock asked for the order was meant.
    names = [name for name in new if name in old]
    if len(common) < 2 or names == common or not any(old[name] and new[name] for name in common):
        return
    says = f"locks in another order: {', '.join(names)} instead of {', '.join(common)}"
    yield Effect("lock_order_changed", says, hunk.path, tuple(names), sureness=0.95)


def _taken(lines: Iterable[Line]) -> dict[str, bool]:
    """What is locked, in the order in which it first is; True for what is asked for a lock, and not only written."""
    found: dict[str, bool] = {}
    for line in lines:
        if is_import(line.code) or is_log_statement(line.code):
            continue
        asks = _LOCKS.search(line.code) is not None
        statement = _STATEMENT.search(line.code) or (_SELECTED.search(line.code) if asks else None)
        if statement:
            found.setdefault(statement[1].lower(), True)
        elif asks or _WRITES.search(line.code):
            pattern = _LOCKS if asks else _WRITES
            at = pattern.search(line.code)
            receiver = next((m[1] for m in _RECEIVER.finditer(line.code) if at and m.end() >= at.end() - 1), "")
            if receiver:
                found.setdefault(receiver, asks)
    return found


def _unsorted(hunk: Hunk) -> Iterator[Effect]:
    """Several locks, taken in the order of what they lock before, and in that of who asks since."""
    sorts = [line for line in hunk.removed if _SORTS.search(line.code)]
    if not sorts or any(_SORTS.search(line.code) for line in hunk.added):
        return
    locks = [line for line in hunk.after if _LOCKS.search(line.code)]
    if locks:
        says = f"no longer locks in one order: `{sorts[0].code[:80]}` is gone"
        names = tuple(dict.fromkeys(re.findall(r"\w{4,}", locks[0].code)))[:6]
        yield Effect("lock_order_changed", says, hunk.path, names, sureness=0.9)
