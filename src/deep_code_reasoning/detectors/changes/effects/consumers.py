"""Who takes messages: acknowledgements before the work, ways out without one, queues by another name on one side."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..code import is_log_statement, lines_around, without_strings
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
_ANSWERS: Final = re.compile(
    r"(?i)\b(?:n?ack\w*|basic_?(?:n?ack|reject)|reject\w*|delete_?message\w*|complete_?message\w*|abandon\w*"
    r"|commit_?(?:messages?|sync|async|offsets?)|xack)\s*\("
    rf"|{_REFUSES.pattern.removeprefix('(?i)')}"
)
_OF_MESSAGES: Final = re.compile(r"(?i)consum|subscri|messag|\bmsg\b|deliver|queue|receive|channel|handler|listener")
_LEAVES: Final = re.compile(r"^(?:(?:if|unless)\b.*[\s){])?(?:return|continue|next)\b")
_BRANCH: Final = re.compile(
    r"^\}?\s*(?:if|else|elif|elsif|unless|switch|case|when|try|for|catch|except|rescue|match)\b"
)
# Nothing came: there is nothing to answer for.
_NOTHING: Final = re.compile(r"!\s*\w+\s*\)|\bnull\b|\bnil\b|\bNone\b|\bnot \w+\s*:|\berr\b|\bundefined\b")
_PLACE: Final = re.compile(
    r"""(?i)(\w*(?:queue|topic|exchange|routing_?key|stream|subject|subscription|consumer_?group|group_?id|binding)\w*)["']?\s*(?:=>|:=|[:=(])\s*["'`]([\w.\-/*#]+)["'`]"""
)
# Where a job says into which queue it goes: Active Job, Sidekiq, Celery, Laravel, BullMQ.
_QUEUE_OF_JOB: Final = re.compile(r"""(?i)\b(?:queue_as|on_?queue|queue)\b["']?\s*(?:=>|[=:(])?\s*[:"'`]([\w.\-]+)""")


def extract(patch: Patch) -> list[Effect]:
    """Messages that are acknowledged too early or not at all, and queues that nobody else knows."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind == "code":
            found += _unanswered(hunk) or _refused_no_more(hunk)
        if hunk.kind in ("code", "config"):
            found += _places(hunk, patch)
    return found or list(_queue_of_job(patch))


def _unanswered(hunk: Hunk) -> list[Effect]:
    """Ways out that are new, or have lost their answer, of a function that answers for a message further down."""
    after = hunk.after
    answers = [n for n, line in enumerate(after) if _answers(line)]
    said = (hunk.path, hunk.heading, *(line.code for line in after))
    if not answers or not any(_OF_MESSAGES.search(text) for text in said):
        return []
    lost = any(_answers(line) for line in hunk.removed)
    for place, line in enumerate(after[: answers[-1]]):
        new = line.is_new
        if not _LEAVES.match(line.code) or not (new or (lost and _lost_here(hunk, line))):
            continue
        block = (*_block_before(after, place), line)
        answered = any(_answers(other) for other in block)
        nothing = any(_NOTHING.search(other.code) for other in after[max(0, place - 1) : place + 1])
        if not (answered or nothing) and _holder(after, place) == _holder(after, answers[-1]):
            says = f"leaves by `{line.code[:60]}` without answering for the message"
            return [Effect("ack_removed", says, hunk.path, ("ack", "message"), sureness=0.85)]
    return []


def _answers(line: Line) -> bool:
    return _ANSWERS.search(without_strings(line.code)) is not None


def _holder(lines: Sequence[Line], index: int) -> Line | None:
    """The line that opens the function that a line stands in, branches and loops aside."""
    return next((line for line in lines_around(lines, index) if not _BRANCH.match(line.code)), None)


def _block_before(lines: Sequence[Line], place: int) -> list[Line]:
    """The lines of its block above a line, what is nested in them left out."""
    block = []
    for line in reversed(lines[:place]):
        if line.indent < lines[place].indent:
            break
        if line.indent == lines[place].indent:
            block.append(line)
    return block


def _lost_here(hunk: Hunk, way_out: Line) -> bool:
    place = next(n for n, line in enumerate(hunk.lines) if line is way_out)
    near = hunk.lines[max(0, place - 2) : place]
    return any(line.sign == "-" and _answers(line) for line in near)


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


def _queue_of_job(patch: Patch) -> Iterator[Effect]:
    """Jobs go into another queue, named in another file than before, and nobody is told to work on that."""
    code = [hunk for hunk in patch.running if hunk.kind == "code"]
    old = {name for hunk in code for line in hunk.removed for name in _QUEUE_OF_JOB.findall(line.code)}
    new = {name: hunk for hunk in code for line in hunk.after for name in _QUEUE_OF_JOB.findall(line.code)}
    gone = sorted(old - new.keys())
    come = [name for name, hunk in new.items() if name not in old and name not in _names_before(hunk)]
    if not gone or not come or _is_worked_on(patch, come[0]):
        return
    says = f"puts into the queue {come[0]} what went into {gone[0]}"
    yield Effect("endpoint_changed", says, new[come[0]].path, (come[0], gone[0], "queue"), sureness=0.9)


def _names_before(hunk: Hunk) -> set[str]:
    return {name for line in hunk.before for name in _QUEUE_OF_JOB.findall(line.code)}


def _is_worked_on(patch: Patch, queue: str) -> bool:
    """Whether a patch tells somebody to take from a queue (`config/sidekiq.yml`, `celery -Q`)."""
    word = re.compile(rf"(?<![\w-]){re.escape(queue)}(?![\w-])")
    return any(
        word.search(line.code)
        for hunk in patch.running
        for line in hunk.added
        if hunk.kind != "code" or not _QUEUE_OF_JOB.search(line.code)
    )


def _follows(patch: Patch, path: str, old: str, new: str) -> bool:
    """Whether another file of the patch makes the same step."""
    return any(
        hunk.path != path
        and any(old in line.code for line in hunk.removed)
        and any(new in line.code for line in hunk.added)
        for hunk in patch.running
    )
