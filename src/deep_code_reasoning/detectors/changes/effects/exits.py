"""Ways out that pass by what has to be done on each of them: answering for a message, closing what was opened."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..code import function_around, lines_around, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect

_ANSWERS: Final = re.compile(
    r"(?i)\b(?:n?ack\w*|basic_?(?:n?ack|reject)|reject\w*|delete_?message\w*|complete_?message\w*|abandon\w*|commit_?(?:messages?|sync|async|offsets?)|xack)\s*\("
)
_OF_MESSAGES: Final = re.compile(r"(?i)consum|subscri|messag|\bmsg\b|deliver|queue|receive|channel|handler|listener")
_LEAVES: Final = re.compile(r"^(?:(?:if|unless)\b.*[\s){])?(?:return|continue|next)\b")
_BRANCH: Final = re.compile(
    r"^\}?\s*(?:if|else|elif|elsif|unless|switch|case|when|try|for|catch|except|rescue|match)\b"
)
# Nothing came: there is nothing to answer for.
_NOTHING: Final = re.compile(r"!\s*\w+\s*\)|\bnull\b|\bnil\b|\bNone\b|\bnot \w+\s*:|\berr\b|\bundefined\b")
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
_NEAR: Final = 4


def extract(patch: Patch) -> list[Effect]:
    """Messages that some way out leaves unanswered, things that were closed with their block and no more."""
    return [e for hunk in patch.running if hunk.kind == "code" for e in (*_unanswered(hunk), *_unclosed(hunk))]


def _unanswered(hunk: Hunk) -> Iterator[Effect]:
    after = hunk.after
    answers = [n for n, line in enumerate(after) if _ANSWERS.search(without_strings(line.code))]
    if not answers or not any(
        _OF_MESSAGES.search(text) for text in (hunk.path, hunk.heading, *(o.code for o in after))
    ):
        return
    for index, line in enumerate(after[: answers[-1]]):
        if line.sign != "+" or line.kept or not _LEAVES.match(line.code):
            continue
        near = after[max(0, index - _NEAR) : index + 1]
        answered = any(_ANSWERS.search(other.code) for other in near)
        nothing = any(_NOTHING.search(other.code) for other in near[-2:])
        if not (answered or nothing) and _holder(after, index) == _holder(after, answers[-1]):
            says = f"leaves by `{line.code[:60]}` without answering for the message"
            yield Effect("ack_removed", says, hunk.path, ("ack", "message"), sureness=0.85)
            return


def _holder(lines: Sequence[Line], index: int) -> Line | None:
    """The line that opens the function that a line stands in, branches and loops aside."""
    return next((line for line in lines_around(lines, index) if not _BRANCH.match(line.code)), None)


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
