"""Functions that nothing reaches: new ones that nobody calls yet, and old ones that nobody called any more.

A function that goes with all that it did was dead, or the code that calls it would no longer build: its lines say
nothing. So do those of a new one that no other line of the patch names. Frameworks call by annotation, by override and
by name: such functions count as reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ..code import block_after, definition, is_import
from ..diff import Hunk, Line, Patch
from ..paths import has_extension

_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
# Whom somebody else calls: marked so, or by names that languages and libraries look for.
_MARKED: Final = re.compile(r"^(?:@|\[|#\[)|\b(?:override|virtual|abstract|operator)\b|\bfunc\s+\(|^(?:public\s+)?static\s+void\s+main\b")
_BY_NAME: Final = re.compile(
    r"(?i)^(?:__\w+__|main|init|new|drop|close|dispose\w*|finali[sz]e|equals|hash_?code|to_?string|compare\w*|run|call|invoke|execute|"
    r"perform|handle\w*|process|apply|accept|get|post|put|delete|patch|on[A-Z_]\w*|before\w*|after\w*|set_?up\w*|tear_?down\w*|"
    r"middleware|handler|default|loader|action|register|boot|up|down|change|configure\w*|lambda_handler|create_app|get(?:Server|Static)\w+)$"
)
# Methods of languages in which nobody says that one takes the place of another's.
_IMPLICIT: Final = ("py", "rb", "php", "js", "ts", "tsx", "jsx", "vue", "ex", "exs")
_PRIVATE: Final = re.compile(r"\bprivate\b|^\s*(?:def|async def)\s+_[a-z]")


def reached(patch: Patch) -> Patch:
    """The patch without the lines of functions that nothing reaches, before it or after it."""
    idle = {id(line) for hunk in patch.running if hunk.kind == "code" for line in _unreached(hunk, patch)}
    if not idle:
        return patch
    return replace(
        patch, hunks=tuple(replace(h, lines=tuple(line for line in h.lines if id(line) not in idle)) for h in patch.hunks)
    )


def _unreached(hunk: Hunk, patch: Patch) -> Iterator[Line]:
    for side, sign in ((hunk.before, "-"), (hunk.after, "+")):
        for index, line in enumerate(side):
            name = definition(line.code) if line.sign == sign and not line.kept else ""
            if not name or _BY_NAME.match(name) or _is_marked(hunk, side[max(0, index - 1) : index + 1]):
                continue
            body = [side[place] for place in block_after(side, index)]
            if body and all(other.sign == sign for other in body) and not _is_named(name, (line, *body), patch):
                yield from (line, *body)


def _is_marked(hunk: Hunk, lines: tuple[Line, ...]) -> bool:
    """Whether a function, the last of these lines, may be called by somebody who is not shown."""
    head = lines[-1]
    if any(_MARKED.search(line.code) for line in lines):
        return True
    return head.indent > 0 and has_extension(hunk.path, *_IMPLICIT) and not _PRIVATE.search(head.code)


def _is_named(name: str, own: tuple[Line, ...], patch: Patch) -> bool:
    """Whether a line names a function, other than its own and those that only bring it along."""
    within = {id(line) for line in own}
    return any(
        name in line.code and name in _NAME.findall(line.code) and id(line) not in within and not is_import(line.code)
        for hunk in patch.running
        for line in hunk.lines
    )
