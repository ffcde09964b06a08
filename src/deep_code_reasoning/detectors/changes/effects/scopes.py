"""What was held for a stretch of code and released or locked with it: blocks undone, ways out that pass a release."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Final

from ..code import function_around, string_literals, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect

# Blocks and statements that release on every way out: Java's, Python's, C#'s, Go's, and `finally` and `ensure`.
_SCOPED: Final = re.compile(r"\btry\s*\([^)]*=|\bwith\b.+:\s*$|\busing\b\s*[\w(]|\bdefer\b|\bfinally\b|\bensure\b")
_LAST_OF_ALL: Final = re.compile("finally|ensure")
_EXIT: Final = re.compile(r"^\s*(?:(?:if|unless)\b.*[\s){])?(?:return|throw|raise|continue|break)\b")
_TAKEN: Final = re.compile(r"\b(\w+)(?:\s*,\s*\w+)*\s*(?::=|=)(?!=)\s*\S.*\(")
_RELEASE: Final = (
    r"\b{0}\s*\??\.\s*(?:close|release|dispose|disconnect|end|unlock|free|destroy)\w*\s*\(|"
    r"\.\s*(?:close|release|put|give_?back|return_?\w*|check_?in|unlock)\w*\s*\(\s*{0}\b"
)
_DEFERRED: Final = re.compile(r"^\s*defer\s+(\w+)\.\w+\s*\(")
# A take that failed leaves nothing to release: the way out that follows such a check within a few lines.
_FAILED: Final = re.compile(r"\berr(or)?\b|\bnull\b|\bnil\b|\bNone\b|\bnot \w+\s*:|!\s*\w+\s*\)|\.is_err\b")
_CHECKED_WITHIN: Final = 3
# What is taken and released in one function stands within so many lines.
_MAX_HELD_LINES: Final = 80
_ROW_LOCK: Final = re.compile(
    r"(?i)\bFOR\s+(?:NO\s+KEY\s+)?UPDATE\b|\bFOR\s+(?:KEY\s+)?SHARE\b|\bLOCK\s+IN\s+SHARE\s+MODE\b|"
    r"\b(?:UPDLOCK|HOLDLOCK|XLOCK)\b|\bLOCK\s+TABLE\b"
)
_OPENED: Final = (
    re.compile(r"\btry\s*\((?:final\s+|var\s+)?[\w<>.]*\s*(\w+)\s*="),
    re.compile(r"\busing\b\s*\(?\s*(?:await\s+)?(?:var|[\w<>.]+)\s+(\w+)\s*="),
    re.compile(r"\bwith\b.*\bas\s+(\w+)\s*:"),
    re.compile(r"^defer\s+(?:func\(\)\s*\{\s*)?_?\s*=?\s*(\w+)(?:\.\w+)*\.(?:Close|Release|Unlock)\("),
)
_CLOSED: Final = (
    r"\b{0}\b[\w.()?!]*\.(?:close|release|dispose|disconnect|end|free|Close|Release|Dispose)\w*\s*\("
    r"|\bclose\w*\(\s*\$?{0}\b"
)


def extract(patch: Patch) -> list[Effect]:
    """Releases that some way out of the code passes by, and rows that are read without their lock."""
    found: list[Effect] = []
    hunks = patch.running
    for place, hunk in enumerate(hunks):
        if hunk.kind == "code":
            found += _passed_by(hunk)
            found += _unclosed(hunk)
            found += _no_longer_deferred(hunk, (other for other in hunks[place + 1 :] if other.path == hunk.path))
        if hunk.kind in ("code", "sql"):
            found += _row_locks(hunk)
    return found


def _passed_by(hunk: Hunk) -> Iterator[Effect]:
    scoped = [line for line in hunk.removed if _SCOPED.search(without_strings(line.code))]
    undone = len(scoped) > sum(_SCOPED.search(without_strings(line.code)) is not None for line in hunk.added)
    for name, release, between in _held(hunk.after):
        new = release.is_new
        # Of what used to be released on every way out, each that is not new either passes by.
        exits = [
            line
            for n, line in enumerate(between)
            if ((undone and new) or line.is_new) and _EXIT.search(line.code) and not _takes_failed(between, n)
        ]
        if exits:
            says = f"leaves by `{exits[0].code}` without releasing {name}"
            yield Effect("release_removed", says, hunk.path, (name,), sureness=0.9)
        elif undone and new:
            # No way out is seen but an error's.
            says = f"an error no longer releases {name}: `{scoped[0].code}` is gone"
            yield Effect("release_removed", says, hunk.path, (name,), sureness=0.65)


def _no_longer_deferred(hunk: Hunk, later: Iterable[Hunk]) -> Iterator[Effect]:
    """What was released on every way out, and is by hand on some: one that comes before the last release lacks its own.

    The take need not be shown: the deferred call names what it releases. Later hunks may be of the same function.
    """
    lines, passed = list(hunk.after), 0
    following = (line for other in later for line in other.after)
    for line in hunk.lines:
        passed += line.sign != "-" and line.code != ""
        deferred = _DEFERRED.match(line.code) if line.is_gone else None
        if deferred is None:
            continue
        released = re.compile(_RELEASE.format(re.escape(deferred[1])), re.I)
        lines += islice(following, max(0, passed + _MAX_HELD_LINES - len(lines)))
        after = lines[passed : passed + _MAX_HELD_LINES]
        last = max((n for n, other in enumerate(after) if released.search(other.code)), default=0)
        for before, way_out in pairwise(after[:last]):
            if re.match(r"\s*(?:return|panic)\b", way_out.code) and not released.search(before.code):
                says = f"leaves by `{way_out.code}` without releasing {deferred[1]}: `{line.code}` is gone"
                yield Effect("release_removed", says, hunk.path, (deferred[1],), sureness=0.9)
                return


def _held(lines: Sequence[Line]) -> Iterator[tuple[str, Line, Sequence[Line]]]:
    """Names that something is taken under and released by hand: the release, and the lines between the two."""
    for start, line in enumerate(lines):
        taken = _TAKEN.search(without_strings(line.code))
        if taken is None or _SCOPED.search(without_strings(line.code)):
            continue
        released = re.compile(_RELEASE.format(re.escape(taken[1])), re.I)
        near = lines[start + 1 : start + 1 + _MAX_HELD_LINES]
        ends = [n for n, other in enumerate(near) if released.search(other.code)]
        handed_on = re.compile(rf"\breturn\s+\(?{re.escape(taken[1])}\)?\s*;?$")
        if ends and any(handed_on.search(other.code) for other in near[: ends[0]]):
            continue  # whoever gets it releases it
        # Who releases before each way out releases more than once.
        if len(ends) == 1 and not any(_covers(other.code, taken[1]) for other in near[: ends[0] + 1]):
            yield taken[1], near[ends[0]], near[: ends[0]]


def _covers(code: str, name: str) -> bool:
    """Whether a line releases what a name holds on every way out, as far as one can tell: others' blocks do not."""
    scoped = _SCOPED.search(code)
    return scoped is not None and (
        _LAST_OF_ALL.match(scoped[0]) is not None or re.search(rf"\b{re.escape(name)}\b", code) is not None
    )


def _takes_failed(between: Sequence[Line], exit_at: int) -> bool:
    """Whether a way out right after a take follows a check that the take failed."""
    checks = between[max(0, exit_at - 1) : exit_at + 1]
    return exit_at < _CHECKED_WITHIN and any(_FAILED.search(line.code) for line in checks)


def _unclosed(hunk: Hunk) -> Iterator[Effect]:
    """What a block closed, opened without one since, and closed nowhere in what is shown."""
    opened = {match[1] for line in hunk.removed for form in _OPENED for match in form.finditer(line.code)}
    opened -= {match[1] for line in hunk.after for form in _OPENED for match in form.finditer(line.code)}
    for name in sorted(opened):
        taken = re.compile(rf"\b{name}\b(?:\s*,\s*\w+)?\s*:?=(?!=)\s*\S.*\(")
        closed = re.compile(_CLOSED.format(re.escape(name)))
        again = next((line for line in hunk.after if taken.search(line.code)), None)
        handed_on = re.compile(rf"\breturn\s+{name}\s*;?$")
        if again is not None and not any(closed.search(o.code) or handed_on.search(o.code) for o in hunk.after):
            says = f"nothing closes {name} any more: `{again.code[:80]}`"
            yield Effect("release_removed", says, hunk.path, (name, function_around(hunk.after, 0)), sureness=0.9)


def _row_locks(hunk: Hunk) -> Iterator[Effect]:
    gone = [line for line in hunk.removed if _locks_rows(line, hunk)]
    if len(gone) > sum(_locks_rows(line, hunk) for line in hunk.added):
        subjects = tuple(re.findall(r"(?i)\bFROM\s+[\"`]?(\w+)", gone[0].code))
        says = f"no longer locks the rows that it reads: `{gone[0].code[:80]}`"
        yield Effect("lock_removed", says, hunk.path, subjects)


def _locks_rows(line: Line, hunk: Hunk) -> bool:
    # In code SQL stands in strings; those of several lines have no quotes on each.
    texts = string_literals(line.code) if hunk.kind == "code" and string_literals(line.code) else [line.code]
    return any(_ROW_LOCK.search(text) for text in texts)
