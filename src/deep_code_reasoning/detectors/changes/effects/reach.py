"""Functions that nothing reaches: new ones that nobody calls yet, and old ones that nobody called any more.

A function that goes with all that it did was dead, or the code that calls it would no longer build: its lines say
nothing. So do those of a new one that no other line of the patch names. Frameworks call by annotation, by override and
by name: such functions count as reached.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from ..code import block_after, definition, is_import
from ..diff import Hunk, Line, Patch
from ..paths import has_extension

_NAME: Final = re.compile(r"[A-Za-z_$][\w$]*")
# Whom somebody else calls: marked so, or by names that languages and libraries look for.
_MARKED: Final = re.compile(
    r"^(?:@|\[|#\[)|\b(?:override|virtual|abstract|operator)\b|\bfunc\s+\(|^(?:public\s+)?static\s+void\s+main\b"
)
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
    functions = [one for hunk in patch.running if hunk.kind == "code" for one in _alone(hunk)]
    named = _lines_naming({name for name, _ in functions}, patch)
    idle = {id(line) for name, own in functions if named[name] <= set(map(id, own)) for line in own}
    if not idle:
        return patch
    hunks = (replace(hunk, lines=tuple(line for line in hunk.lines if id(line) not in idle)) for hunk in patch.hunks)
    return replace(patch, hunks=tuple(hunks))


def _alone(hunk: Hunk) -> Iterator[tuple[str, list[Line]]]:
    """Functions that a hunk takes away or brings as a whole, and that nobody calls but by their names."""
    for side in (hunk.before, hunk.after):
        for index, line in enumerate(side):
            name = definition(line.code) if line.is_changed else ""
            if not name or _BY_NAME.match(name) or _is_marked(hunk, side[max(0, index - 1) : index + 1]):
                continue
            own = [line, *(side[place] for place in block_after(side, index))]
            if len(own) > 1 and all(other.sign == line.sign for other in own):
                yield name, own


def _is_marked(hunk: Hunk, lines: Sequence[Line]) -> bool:
    """Whether a function, the last of these lines, may be called by somebody who is not shown."""
    head = lines[-1]
    if any(_MARKED.search(line.code) for line in lines):
        return True
    return head.indent > 0 and has_extension(hunk.path, *_IMPLICIT) and not _PRIVATE.search(head.code)


def _lines_naming(names: AbstractSet[str], patch: Patch) -> dict[str, set[int]]:
    """Which lines name each of some functions, but for those that only bring them along."""
    found: dict[str, set[int]] = {name: set() for name in names}
    for hunk in patch.running if names else ():
        for line in hunk.lines:
            for name in names & set(_NAME.findall(line.code)):
                if not is_import(line.code):
                    found[name].add(id(line))
    return found
