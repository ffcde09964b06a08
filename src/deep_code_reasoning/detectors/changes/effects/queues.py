"""Queues within a process that took so many things and take any number since: what cannot keep up fills the memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..code import is_import
from ..diff import Hunk, Patch
from ..effect import Effect

# As the standard libraries and the common runtimes make them: a queue that refuses, drops or waits when it is full.
_BOUNDED: Final = re.compile(
    r"\b(?:mpsc|broadcast|flume|async_channel|crossbeam\w*)(?:::\w+)*::(?:channel|sync_channel|bounded)(?:::<[^(]*>)?\(\s*[^)\s]"
    r"|\b(?:sync_channel|bounded)(?:::<[^(]*>)?\(\s*[^)\s]|\bmake\(\s*chan\b[^,]*,\s*[^)\s]"
    r"|\b(?:ArrayBlockingQueue|LinkedBlocking(?:Queue|Deque)|BlockingCollection|SizedQueue)\b(?:<[^(]*>)?(?:\.new)?\(\s*[^)\s]"
    r"|\bCreateBounded\b|\bChannel(?:<[^(]*>)?\(\s*(?!(?:Channel\.)?UNLIMITED)[^)\s]|\b(?:asyncio\.|queue\.)?(?:Lifo|Priority)?Queue\(\s*[^)\s]"
    r"|\bdeque\(.*\bmaxlen\s*=\s*(?!None)|\bonBackpressure(?:Drop|Latest|Error)\b|\bonBackpressureBuffer\(\s*[^)\s]"
    r"|\bOverflowStrategy\.(?:drop\w*|fail|backpressure)"
)
_UNBOUNDED: Final = re.compile(
    r"\bunbounded(?:_channel)?\b(?:::<[^(]*>)?\(|(?<!sync_)\bmpsc::channel(?:::<[^(]*>)?\(\s*\)"
    r"|\bLinkedBlocking(?:Queue|Deque)\b(?:<[^(]*>)?\(\s*\)|\bConcurrentLinked(?:Queue|Deque)\b(?:<[^(]*>)?\("
    r"|\b(?:LinkedTransferQueue|PriorityBlockingQueue|ConcurrentQueue|BlockingCollection)\b(?:<[^(]*>)?\(\s*\)"
    r"|\bCreateUnbounded\b|\bChannel(?:<[^(]*>)?\(\s*(?:Channel\.)?UNLIMITED|\b(?:asyncio\.|queue\.)?(?:Lifo|Priority|Simple)?Queue\(\s*\)"
    r"|\bQueue\.new\b(?!\()|\bThread::Queue\.new\b|\bdeque\(\s*\)|\bonBackpressureBuffer\(\s*\)"
    r"|\bExecutors\.new(?:FixedThreadPool|SingleThreadExecutor)\("
)


def extract(patch: Patch) -> list[Effect]:
    """Queues whose bound is gone."""
    return [effect for hunk in patch.running if hunk.kind == "code" for effect in _without_bound(hunk)]


def _without_bound(hunk: Hunk) -> Iterator[Effect]:
    bounded = [line for line in hunk.removed if _BOUNDED.search(line.code) and not is_import(line.code)]
    if not bounded or any(_BOUNDED.search(line.code) for line in hunk.added):
        return
    for line in hunk.added:
        if _UNBOUNDED.search(line.code) and not is_import(line.code):
            says = f"a queue that held so much takes any number: `{line.code[:80]}`"
            names = tuple(dict.fromkeys(re.findall(r"\w{3,}", line.code)))[:8]
            yield Effect("unbounded_growth", says, hunk.path, names, sureness=0.95)
            return
