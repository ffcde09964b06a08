"""Containers that answer in one step, and are gone through from the front since: queues as lists, sets as lists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..code import is_import
from ..diff import Hunk
from ..effect import Effect, each_hunk

_QUEUE: Final = re.compile(
    r"pop_?(?:front|left)|append_?left|push_?front|\bVecDeque\b|\bdeque\b|\bArrayDeque\b|\bLinkedList\b|\bDeque\b|\bQueue<|\bDequeue\(|\.poll(?:First)?\("
    r"|\blist\.New\b|\bDenque\b|\bSplQueue\b|\bhead\s*\+\+|:queue\.(?:in|out)"
)
# Taking from or putting to the front of a list moves all the others.
_FRONT: Final = re.compile(
    r"\.(?:remove|pop|removeAt|RemoveAt|delete_at)\(\s*0\s*\)|\.shift\(\)|\.shift\b(?!\w|\()|\barray_(?:un)?shift\(|\.unshift\(|\.(?:insert|add|Insert)\(\s*0\s*,"
    r"|\.drain\(\s*\.\.\s*1|\.removeFirst\("
)
_LIST: Final = re.compile(r"=\s*(?:\[\]|Vec::new|new\s+(?:Array\w*|List)\b|list\(|\w*[lL]istOf\()|\bVec<")
_BY_VALUE: Final = re.compile(
    r"^\W*(?:[\w<>\[\],:]+\s+)*?\$?(\w+)\s*(?::[^=]*)?:?=\s*.*(?:\bset\(|Set\b|\bSet\.new|to_?[sS]et\b|ToHashSet|[sS]etOf|HashSet|map\[\w+\](?:bool|struct)"
    r"|\{[^{}]*\bfor\b|\bdict\(|Dictionary|\barray_flip\(|new\s+\w*Map\b|to_h\b|associateBy|index_by|keyBy|toMap)"
)
_ASKED: Final = (
    r"\b(?:not\s+)?in\s+(?:self\.)?{0}\b|\b{0}\.(?:includes|contains|Contains|include\?|member\?|indexOf|index|iter\(\)|some|any|find|exists|first)\b"
    r"|\bin_array\([^,]+,\s*\$?{0}\b|\barray_search\([^,]+,\s*\$?{0}\b|\bslices\.(?:Contains|Index)\w*\({0}\b|\b\w*\.?(?:find|filter)\(\s*{0}\b"
)


def _from_the_front(hunk: Hunk) -> Iterator[Effect]:
    if not any(_QUEUE.search(line.code) for line in hunk.removed):
        return
    known = any(_FRONT.search(old.code) for old in hunk.removed) and not any(_LIST.search(o.code) for o in hunk.added)
    for line in hunk.after:
        if (
            _FRONT.search(line.code)
            and not known
            and (line.sign == "+" or any(_LIST.search(o.code) for o in hunk.added))
        ):
            says = f"moves all others for each that it takes: `{line.code[:80]}`"
            yield Effect("searched_in_order", says, hunk.path, tuple(re.findall(r"\w{3,}", line.code))[:6])
            return


def _searched(hunk: Hunk) -> Iterator[Effect]:
    made = {match[1] for line in hunk.removed if not is_import(line.code) and (match := _BY_VALUE.match(line.code))}
    made -= {match[1] for line in hunk.added if (match := _BY_VALUE.match(line.code))}
    for name in sorted(made):
        again = re.compile(rf"\$?\b{name}\s*(?::[^=]*)?:?=(?!=)|\bvar\s+{name}\b|>\s+{name}\s*;|^(?:let\s+)?{name}:")
        asked = re.compile(_ASKED.format(re.escape(name)))
        if any(again.search(line.code) for line in hunk.added) and any(asked.search(line.code) for line in hunk.after):
            says = f"looks through all of {name} for each question, where one step answered"
            yield Effect("searched_in_order", says, hunk.path, (name,), sureness=0.9)


extract: Final = each_hunk({_from_the_front: "code", _searched: "code"})
