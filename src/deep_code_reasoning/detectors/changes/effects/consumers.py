"""Who takes messages: acknowledgements before the work, ways out without one, queues by another name on one side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..code import is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .pairs import paired

_ACK: Final = re.compile(
    r"(?i)\b(?:basic_?ack|ack(?:nowledge)?|ack_?async|x_?ack|complete_?message\w*|delete_?message\w*|commit_?(?:sync"
    r"|async|message\w*|offset\w*)|commit)!?\s*\("
)
_REFUSES: Final = re.compile(
    r"(?i)\b(?:basic_?)?(?:nack|nak|reject|requeue|abandon\w*|dead_?letter\w*|negative_?acknowledge"
    r"|change_?message_?visibility\w*)!?\s*\("
)
_LEAVES: Final = re.compile(
    r"^(?:return(?:\s+(?:None|null|nil|true|false|undefined|:ok|Ok\(\(\)\)))?|continue|next)\s*;?$"
)
_PLACE: Final = re.compile(
    r"""(?i)(\w*(?:queue|topic|exchange|routing_?key|stream|subject|subscription|consumer_?group|group_?id|binding)\w*)["']?\s*(?:=>|:=|[:=(])\s*["'`]([\w.\-/*#]+)["'`]"""
)


def extract(patch: Patch) -> list[Effect]:
    """Messages that are acknowledged too early or not at all, and queues that nobody else knows."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind == "code":
            found += _ways_out(hunk) or _refused_no_more(hunk)
        if hunk.kind in ("code", "config"):
            found += _places(hunk, patch)
    return found


def _ways_out(hunk: Hunk) -> list[Effect]:
    """Ways out that are new, or have lost their answer, before the acknowledgement that the others come to."""
    after = hunk.after
    last = max((n for n, line in enumerate(after) if _ACK.search(line.code)), default=-1)
    lost = any(_REFUSES.search(line.code) or _ACK.search(line.code) for line in hunk.removed)
    for place, line in enumerate(after[: max(0, last)]):
        if not _LEAVES.match(line.code) or line.indent <= after[last].indent:
            continue
        block = _block_before(after, place)
        new = line.sign == "+" and not line.kept
        answered = any(_ACK.search(other.code) or _REFUSES.search(other.code) for other in block)
        if not answered and (new or (lost and _lost_here(hunk, line))):
            says = f"leaves by `{line.code}` without an answer to the message"
            return [Effect("ack_removed", says, hunk.path, ("ack",), sureness=0.85)]
    return []


def _block_before(lines: Sequence[Line], place: int) -> list[Line]:
    block = []
    for line in reversed(lines[:place]):
        if line.indent < lines[place].indent:
            break
        block.append(line)
    return block


def _lost_here(hunk: Hunk, way_out: Line) -> bool:
    place = next(n for n, line in enumerate(hunk.lines) if line is way_out)
    near = hunk.lines[max(0, place - 2) : place]
    return any(line.sign == "-" and (_REFUSES.search(line.code) or _ACK.search(line.code)) for line in near)


def _refused_no_more(hunk: Hunk) -> list[Effect]:
    """Failed messages were refused; all are acknowledged since, whatever becomes of them."""
    gone = [line for line in hunk.removed if _REFUSES.search(line.code)]
    if not gone or any(_REFUSES.search(line.code) for line in hunk.added):
        return []
    if not any(_ACK.search(line.code) for line in hunk.after):
        return []
    says = f"acknowledges messages whatever becomes of them: `{gone[0].code[:80]}` is gone"
    return [Effect("ack_early", says, hunk.path, ("ack",), sureness=0.8)]


def _places(hunk: Hunk, patch: Patch) -> Iterator[Effect]:
    for old, new in paired(hunk):
        if is_log_statement(old.code) or is_log_statement(new.code):
            continue
        before, after = (dict(_PLACE.findall(line.code)) for line in (old, new))
        for key, value in after.items():
            known = before.get(key)
            if known and known != value and not _follows(patch, hunk.path, known, value):
                says = f"{key} becomes {value}, which was {known}"
                yield Effect("endpoint_changed", says, hunk.path, (value, known, key), sureness=0.85)
                return


def _follows(patch: Patch, path: str, old: str, new: str) -> bool:
    """Whether another file of the patch makes the same step, or the name was in use before."""
    for hunk in patch.running:
        if (
            hunk.path != path
            and any(old in line.code for line in hunk.removed)
            and any(new in line.code for line in hunk.added)
        ):
            return True
    return False
