"""Work that grows with the square of what is worked on, though no loop stands in another: texts built up by copies."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..code import endless_bodies, loop_bodies, without_strings
from ..diff import Hunk
from ..effect import Effect, each_hunk

# What puts a text together without copying it for each part.
_PUTS_TOGETHER: Final = re.compile(
    r"\bString(?:Builder|Buffer|Writer|IO)\b|\bstrings\.(?:Builder|Join)|\bbytes\.Buffer|\.join\(|\bjoin\(|\bimplode\(|\.append\(|\.push\(|\.push_str\("
    r"|\bWriteString\(|\.write\(|<<|\bJoiner\b|Collectors\.joining|String\.Join|io_lib|\bbuffer\b"
)
_EXTENDS: Final = re.compile(
    r"^\$?([\w.]+)\s*(?:\+=|\.=)\s*(?!\d+\b)\S|^\$?([\w.]+)\s*=\s*\$?\2\s*(?:\+|\.|\|\||<>)\s*(?!\d+\b)\S"
)
_IS_TEXT: Final = (
    r"\b{0}\s*(?::\s*\w+\s*)?:?=\s*(?:[fb]?[\"'`]|String\(|string\.Empty|str\(\))|\bString\s+{0}\b|\bstring\s+{0}\b"
)


def _copied_texts(hunk: Hunk) -> Iterator[Effect]:
    if not any(_PUTS_TOGETHER.search(without_strings(line.code)) for line in hunk.removed):
        return
    after = hunk.after
    within = {place for _, body in loop_bodies(after) for place in body} | endless_bodies(after)
    for place in sorted(within):
        line = after[place]
        match = _EXTENDS.match(line.code) if line.is_new else None
        if match is None:
            continue
        name = re.escape(match[1] or match[2])
        if re.search(r"[\"'`]", line.code) or any(re.search(_IS_TEXT.format(name), other.code) for other in after):
            says = f"copies all of `{match[1] or match[2]}` for each part: `{line.code[:70]}`"
            yield Effect("loop_in_loop", says, hunk.path, (match[1] or match[2],), sureness=0.8)
            return


extract: Final = each_hunk({_copied_texts: "code"})
