"""Pages that are asked for one after the other, where the question never says which: the same one for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.words import word_set
from ..code import calls, computes_nothing, endless_loops, is_local_call, is_remote_call, loop_bodies, without_strings
from ..diff import Hunk, Line
from ..effect import Effect, each_hunk

_OF_PAGES: Final = frozenset("page offset cursor skip start marker position token after since last".split())
_ADVANCES: Final = re.compile(
    r"^\s*(?:[\w$.]+\.|\$|@)?(?P<name>\w+)\s*(?:\+=|\+\+|:?=(?!=)\s*(?P<value>.+))|^\s*\+\+\$?(?P<other>\w+)"
)


def _asks_the_same(hunk: Hunk) -> Iterator[Effect]:
    after = hunk.after
    for head, body in (*endless_loops(after), *loop_bodies(after)):
        lines = [after[place] for place in body if place != head]
        for line in lines:
            match = _ADVANCES.match(without_strings(line.code))
            name = (match["name"] or match["other"]) if match else ""
            if not name or not _OF_PAGES & word_set(name) or _is_read(name, line, after[head], after):
                continue
            asked = next((other for other in lines if _asks(other)), None)
            if asked is not None and any(one.is_new for one in (line, asked)) and head not in body:
                names = (name, *(call.name for call in calls(asked.code)))
                says = f"{name} moves on, and `{asked.code[:80]}` asks for the same again"
                yield Effect("loop_changed", says, hunk.path, names, sureness=0.9)
                return


def _asks(line: Line) -> bool:
    return not computes_nothing(line.code) and any(
        call.receivers and (is_remote_call(call, line.code) or "await" in line.code or not is_local_call(call))
        for call in calls(line.code)
    )


def _is_read(name: str, own: Line, head: Line, lines: Sequence[Line]) -> bool:
    """Whether anything but logs looks at a name: as a value, not as what an argument is called (`page=1`)."""
    value = re.compile(rf"(?<![\w]){re.escape(name)}\b(?!\s*(?::?=(?!=)|:(?!:)|\+\+|\+=))")
    interpolated = re.compile(rf"[{{$]\{{?\s*(?:\w+\.)?{re.escape(name)}\b")
    texts = [own.code.partition("=")[2]] if "+=" not in own.code and "++" not in own.code else []
    told = [line.code for line in lines if line is not own and not computes_nothing(line.code)]
    moved = re.compile(rf"(?<![\w]){re.escape(name)}\b(?!\s*\+\s*\d)")  # `page = page + 1` reads it for itself
    return (
        any(value.search(without_strings(code)) or interpolated.search(code) for code in told)
        or value.search(without_strings(head.code)) is not None
        or any(moved.search(text) for text in texts)
    )


extract: Final = each_hunk({_asks_the_same: "code"})
