"""Work put where it runs once an item: calls that leave the process (the N+1 query and its kin), and further loops."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ..code import Call, call_names, calls, is_remote_call, loop_bodies, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .schema import tables_of

_BATCH: Final = re.compile(
    r"(?i)batch|bulk|many|multi(?!part)|mget|pipeline|chunk|executemany|insertall|_all\b|in_groups|InBulk"
)
_EAGER: Final = re.compile(
    r"(?i)\b(includes|preload|eager_load|select_related|prefetch_related|joinedload|selectinload|subqueryload|load_many"
    r"|JoinFetch|join_?fetch|EntityGraph|ThenInclude|Include|Preload|withGraphFetched|dataloader\w*|loaders?)\b"
)

_LOOP_HEAD: Final = re.compile(r"\b(?:for|foreach)\b\s*\(?([^:=;]+?)\s*(?:\bin\b|\bof\b|:=|:|\bas\b)")
_COMPREHENSION: Final = re.compile(
    r"\bfor\s+(\w+)\s+in\b|\.(?:map|flatMap|collect|forEach|each)\(?\s*[({]?\s*\|?(\w+)\b"
)


def extract(patch: Patch) -> list[Effect]:
    """Remote calls and loops newly inside a loop, batch calls replaced by single ones, eager loading taken away."""
    found: list[Effect] = []
    for hunk in patch.running:
        if hunk.kind in ("code", "view"):
            found += _calls_in_loops(hunk, patch) or _unknown_calls_in_loops(hunk) or _loops_in_loops(hunk)
            found += _relations_in_loops(hunk)
    found += _eager_loading(patch)
    return found


def _looped(lines: Sequence[Line]) -> dict[str, tuple[Call, Line]]:
    found: dict[str, tuple[Call, Line]] = {}
    for _, body in loop_bodies(lines):
        for line in (lines[i] for i in body):
            for call in calls(line.code):
                if is_remote_call(call, line.code):
                    found.setdefault(call.name, (call, line))
    return found


def _calls_in_loops(hunk: Hunk, patch: Patch) -> list[Effect]:
    before = _looped(hunk.before)
    after = {
        name: (call, line)
        for name, (call, line) in _looped(hunk.after).items()
        if name not in before and (_is_new(call, line, hunk) or _loop_is_new(hunk))
    }
    if not after:
        return []
    batches = [name for name in call_names(hunk.removed) if _BATCH.search(name) and name not in call_names(hunk.added)]
    tables = tuple(table for line in patch.added for table in tables_of(line.code))
    found = []
    for name, (call, _) in after.items():
        subjects = (name, *_receiver(call), *tables)
        if batches:
            found.append(
                Effect(
                    "batch_removed",
                    f"{', '.join(batches)} replaced by {name} an item",
                    hunk.path,
                    (*subjects, *batches),
                )
            )
        else:
            found.append(
                Effect(
                    "call_in_loop", f"{call.full} is called once an item of a loop", hunk.path, subjects, sureness=0.95
                )
            )
    return found


def _unknown_calls_in_loops(hunk: Hunk) -> list[Effect]:
    """A call newly made once an item, about the item, of something whose answer counts: what it does is not shown.

    `rule = rules.apply(line.item())` may look into a map or ask a database.
    """
    after = hunk.after
    for head, body in loop_bodies(after):
        items = _loop_names(after[head].code)
        for line in (after[i] for i in body):
            for call in calls(line.code):
                asked = re.search(rf"(?:=|\breturn|[<>(&|])\s*{re.escape(call.full)}\s*\((.*)\)", line.code)
                about = asked is not None and items & set(re.findall(r"\w+", asked[1]))
                receiver = _receiver(call)
                if about and receiver and not items & set(receiver) and _is_new(call, line, hunk):
                    says = f"{call.full} is called once an item of a loop, whatever it does"
                    return [Effect("call_in_loop", says, hunk.path, (call.name, *receiver), sureness=0.5)]
    return []


def _loops_in_loops(hunk: Hunk) -> list[Effect]:
    """A loop newly inside another: what one of them did once an item is done once a pair."""
    inner = _inner_loops(hunk.after)
    if len(inner) <= len(_inner_loops(hunk.before)):
        return []
    names = call_names([hunk.after[index] for _, body in inner for index in body])
    return [Effect("loop_in_loop", "loops over items within a loop", hunk.path, tuple(sorted(names)), sureness=0.8)]


def _inner_loops(lines: Sequence[Line]) -> list[tuple[int, range]]:
    loops = loop_bodies(lines)
    return [one for one in loops if any(one[0] in body and one[0] != head for head, body in loops)]


def _loop_names(head: str) -> set[str]:
    """Names of what a loop runs over one by one, as its head has them."""
    found = _LOOP_HEAD.search(head)
    return set(re.findall(r"\w+", found[1])) if found else set()


def _relations_in_loops(hunk: Hunk) -> list[Effect]:
    """A member of a member of what a loop runs over, newly read: a query an item where a mapper loads it lazily."""
    before = " ".join(line.code for line in hunk.before)
    for line in hunk.added:
        for loop in _COMPREHENSION.finditer(line.code):
            for read in re.finditer(rf"\b{re.escape(loop[1] or loop[2])}\.(\w+)\.\w+\b(?!\s*\()", line.code):
                if f".{read[1]}." not in before:
                    says = f"reads `{read[0]}` of each item, a query each where it is loaded lazily"
                    return [Effect("call_in_loop", says, hunk.path, (read[1],), sureness=0.6)]
    return []


def _is_new(call: Call, line: Line, hunk: Hunk) -> bool:
    return line.sign == "+" and not line.kept and call.name not in call_names(hunk.before)


def _loop_is_new(hunk: Hunk) -> bool:
    return len(loop_bodies(hunk.after)) > len(loop_bodies(hunk.before))


def _receiver(call: Call) -> tuple[str, ...]:
    parts = re.split(r"::|->|\.", call.full)
    return tuple(parts[-2:-1])


def _eager_loading(patch: Patch) -> list[Effect]:
    found = []
    for hunk in patch.running:
        gone = {m[0] for line in hunk.removed for m in _EAGER.finditer(without_strings(line.code))}
        gone -= {m[0] for line in hunk.added for m in _EAGER.finditer(without_strings(line.code))}
        if gone:
            subjects = tuple(sorted(gone))
            found.append(
                Effect(
                    "call_in_loop",
                    f"eager loading ({', '.join(subjects)}) taken away",
                    hunk.path,
                    subjects,
                    sureness=0.9,
                )
            )
    return found
