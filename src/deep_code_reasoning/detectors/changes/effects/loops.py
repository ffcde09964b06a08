"""Work put where it runs once an item: calls that leave the process (the N+1 query and its kin), and further loops."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...vocabulary.words import words
from ..code import (
    Call,
    call_names,
    calls,
    clients_of,
    function_bodies,
    is_local_call,
    is_remote_call,
    loop_bodies,
    tries_again,
    without_strings,
)
from ..diff import Hunk, Line, Patch
from ..effect import Effect
from .schema import tables_of

_BATCH: Final = re.compile(
    r"(?i)batch|bulk|many|multi(?!part)|mget|pipeline|chunk|executemany|insertall|_all\b|in_groups|InBulk"
)
# What a language brings along stays in the process, as do questions of a value and conversions.
_LIBRARY: Final = frozenset(
    """character math string integer long double float boolean objects arrays collections collectors optional strings
    stringutils pattern regex convert guid enum json number array object unicode strconv utf8 bytes sort slices maps fmt
    errors re itertools decimal bigdecimal duration instant localdate datetime date time uuid char""".split()
)
_QUESTION: Final = re.compile(
    r"(?:is|has|add_?all|put_?all|equals|contains|compare|parse|valueOf|"
    r"matches|starts_?with|ends_?with|charAt|to|as|from)(?![a-z])",
    re.I,
)
_MANY: Final = frozenset("all list ids multiple several".split())
_OF_CONTAINER: Final = re.compile(
    r"(?i)(?:add|put|remove|retain|contains|replace|set|push|equals|find|match)_?(?:all|list)$"
)
_REFERENCE: Final = re.compile(
    r"\b(?:this|self|Self|\w+)::(\w+)\b(?!\s*[(:])|\bmethod\(:(\w+)\)|\.map\(\s*this\.(\w+)\s*\)"
)
# A comprehension within another, a function of each item that goes through those of the item.
_NESTED: Final = re.compile(
    r"\bfor\s[^:]*\bin\b[^:]*\bfor\s[^:]*\bin\b"
    r"|\.(?:map|flatMap|forEach|filter|each|any|all|sumOf|select|some|every)\w*\s*[({][^)}]*(?:->|=>|\|)[^)}]*\.(?:map|forEach|filter|each|any|all|sum|sumOf|reduce|some|every|stream)\b"
)
_LOOP_HEAD: Final = re.compile(r"\b(?:for|foreach)\b\s*\(?([^:=;]+?)\s*(?:\bin\b|\bof\b|:=|:|\bas\b)")
_COMPREHENSION: Final = re.compile(
    r"\bfor\s+(\w+)\s+in\b|\.(?:map|flatMap|collect|forEach|each)\(?\s*[({]?\s*\|?(\w+)\b"
)


def extract(patch: Patch) -> list[Effect]:
    """Remote calls and loops newly inside a loop, batch calls replaced by single ones."""
    found: list[Effect] = []
    around = _around(patch)
    for hunk in patch.running:
        if hunk.kind in ("code", "view"):
            found += (
                _calls_in_loops(hunk, around)
                or _batches_undone(hunk)
                or _unknown_calls_in_loops(hunk)
                or _loops_in_loops(hunk)
            )
            found += _relations_in_loops(hunk)
            found += _tried_again(hunk)
    return found


@dataclass(frozen=True, slots=True)
class _Around:
    """What all of a patch tells of its hunks: clients, bodies of functions by their names, tables."""

    clients: frozenset[str]
    helpers_before: Mapping[str, Sequence[Line]]
    helpers_after: Mapping[str, Sequence[Line]]
    tables: tuple[str, ...]


def _around(patch: Patch) -> _Around:
    code = [hunk for hunk in patch.running if hunk.kind == "code"]
    return _Around(
        clients_of([line.code for hunk in code for line in hunk.after]),
        {name: body for hunk in code for name, body in function_bodies(hunk.before).items()},
        {name: body for hunk in code for name, body in function_bodies(hunk.after).items()},
        tuple(dict.fromkeys(table for line in patch.added for table in tables_of(line.code))),
    )


@dataclass(frozen=True, slots=True)
class _Looped:
    """A call that leaves the process, once an item: its line, and the line of the loop's body that leads there."""

    call: Call
    line: Line
    via: Line


def _looped(
    lines: Sequence[Line], clients: frozenset[str], helpers: Mapping[str, Sequence[Line]]
) -> dict[str, _Looped]:
    """Calls that leave the process from within loops, straight or through a function of `helpers`, by their names."""
    found: dict[str, _Looped] = {}
    for via in _in_loops(lines):
        led_to = [line for name in _called(via.code) for line in helpers.get(name, ())]
        for line in (via, *led_to):
            for call in calls(line.code):
                if is_remote_call(call, line.code, clients):
                    found.setdefault(call.name, _Looped(call, line, via))
    return found


def _in_loops(lines: Sequence[Line]) -> list[Line]:
    """The lines of all bodies of loops over items, once each."""
    return [lines[place] for place in dict.fromkeys(place for _, body in _item_loops(lines) for place in body)]


def _item_loops(lines: Sequence[Line]) -> list[tuple[int, range]]:
    return [(head, body) for head, body in loop_bodies(lines) if not tries_again(lines, head, body)]


def _called(code: str) -> set[str]:
    """Names of functions that a line calls or hands on (`this::verify`, `method(:verify)`)."""
    handed_on = {name for match in _REFERENCE.finditer(code) for name in match.groups() if name}
    return {call.name for call in calls(code)} | handed_on


def _calls_in_loops(hunk: Hunk, around: _Around) -> list[Effect]:
    clients = around.clients | clients_of([hunk.heading])
    known = _looped(hunk.before, clients, around.helpers_before)
    called, more_loops = call_names(hunk.before), _loop_is_new(hunk)
    after = {
        name: (found.call, found.line)
        for name, found in _looped(hunk.after, clients, around.helpers_after).items()
        if name not in known and (_is_new(found.call, found.line, called) or found.via.sign == "+" or more_loops)
    }
    if not after:
        return _one_each(hunk, clients)
    still = call_names(hunk.added)
    batches = [name for name in call_names(hunk.removed) if _BATCH.search(name) and name not in still]
    found = []
    for name, (call, _) in after.items():
        subjects = (name, *_receiver(call), *around.tables)
        if batches:
            found.append(
                Effect(
                    "batch_removed",
                    f"{', '.join(batches)} replaced by {name} per item",
                    hunk.path,
                    (*subjects, *batches),
                )
            )
        else:
            found.append(
                Effect(
                    "call_in_loop", f"{call.full} is called once per item of a loop", hunk.path, subjects, sureness=0.95
                )
            )
    return found


def _one_each(hunk: Hunk, clients: frozenset[str]) -> list[Effect]:
    """Calls of a loop that were gathered and sent together, and are made one by one since."""
    still = call_names(hunk.after)
    gathered = [name for name in call_names(hunk.removed) if _GATHERS.search(name) and name not in still]
    for name, found in _looped(hunk.after, clients, {}).items() if gathered else ():
        if found.via.sign == "+":
            says = f"{', '.join(gathered)} replaced by {name} per item"
            return [Effect("batch_removed", says, hunk.path, (name, *gathered), sureness=0.9)]
    return []


_GATHERS: Final = re.compile(r"(?i)pipelin|batch|bulk|multi(?!part)|executemany|in_groups")


def _batches_undone(hunk: Hunk) -> list[Effect]:
    """What was asked for all items at once and is asked for each by itself, of the same receiver, whatever that is."""
    known = call_names(hunk.added)
    batches = {
        _receiver(call): call.name
        for line in hunk.removed
        for call in calls(line.code)
        if _receiver(call) and call.name not in known and _is_of_many(call.name)
    }
    if not batches:
        return []
    after, called = hunk.after, call_names(hunk.before)
    for line in _in_loops(after):
        for call in calls(line.code):
            batch = batches.get(_receiver(call))
            if batch and _is_new(call, line, called) and not is_local_call(call) and not _stays_in_memory(call, after):
                says = f"{batch} replaced by {call.full} per item"
                return [Effect("call_in_loop", says, hunk.path, (call.name, *_receiver(call), batch), sureness=0.9)]
    return []


def _is_of_many(name: str) -> bool:
    """Whether a name says that a call takes many items; `addAll` and its kin are of containers."""
    return (_BATCH.search(name) is not None or bool(_MANY & set(words(name)))) and not _OF_CONTAINER.match(name)


def _unknown_calls_in_loops(hunk: Hunk) -> list[Effect]:
    """A call newly made once an item, about the item, of something whose answer counts: what it does is not shown.

    `rule = rules.apply(line.item())` may look into a map or ask a database.
    """
    after, called = hunk.after, call_names(hunk.before)
    for head, body in _item_loops(after):
        items = _loop_names(after[head].code)
        for line in (after[i] for i in body):
            for call in calls(line.code):
                asked = re.search(
                    rf"(?:=|\b(?:return|if|unless|and|or|not)\b|[<>(&|!])\s*{re.escape(call.full)}\s*\((.*)\)",
                    line.code,
                )
                about = asked is not None and items & set(re.findall(r"\w+", asked[1]))
                receiver = _receiver(call)
                if about and receiver and not items & set(receiver) and _is_new(call, line, called):
                    if _stays_in_memory(call, after):
                        continue
                    says = f"{call.full} is called once per item of a loop, whatever it does"
                    return [Effect("call_in_loop", says, hunk.path, (call.name, *receiver), sureness=0.5)]
    return []


def _stays_in_memory(call: Call, lines: Sequence[Line]) -> bool:
    """Whether a call is one of a language's own library, a question of a value, or of a container that is made here."""
    receiver = _receiver(call)[0]
    made = re.compile(
        rf"\b{re.escape(receiver)}\s*(?::[^=]*)?:?=\s*(?:new\s|\{{|\[|make\(|\w*(?:[sS]et|[mM]ap|[lL]ist|[dD]ict)\w*\()"
    )
    return (
        receiver.lower() in _LIBRARY
        or _QUESTION.match(call.name) is not None
        or any(made.search(line.code) for line in lines)
    )


def _tried_again(hunk: Hunk) -> list[Effect]:
    """A loop newly around a call that was made once: it is made again where it fails."""
    after, called = hunk.after, call_names(hunk.before)
    for head, body in loop_bodies(after):
        if after[head].is_new and tries_again(after, head, body):
            names = [call.name for place in body for call in calls(after[place].code) if call.name in called]
            if names:
                says = f"{names[0]} is called again where it fails"
                waits = any(_WAITS_LONGER.search(after[place].code) for place in (head, *body))
                sureness = 0.25 if waits else 1.0
                return [Effect("retries_raised", says, hunk.path, tuple(names), sureness=sureness)]
    return []


# A wait that grows from one attempt to the next, or that chance spreads: such attempts make no storm.
_WAITS_LONGER: Final = re.compile(
    r"(?i)\b(?:sleep|delay|wait|backoff|pause|set_?timeout)\w*\b.*(?:\*\*|<<|\bpow\b|\bexp\w*|rand|jitter|\*\s*\(?(?:attempt|tries|try|retry|[in])\b)"
    r"|\b(?:delay|wait|backoff|pause)\w*\s*(?:\*=|<<=|=\s*(?:\w+\.)*min\b)"
)


def _loops_in_loops(hunk: Hunk) -> list[Effect]:
    """A loop newly inside another: what one of them did once an item is done once a pair."""
    inner = _inner_loops(hunk.after)
    if len(inner) <= len(_inner_loops(hunk.before)):
        return []
    names = call_names(hunk.after[place] for place in {place for _, body in inner for place in body})
    return [Effect("loop_in_loop", "loops over items within a loop", hunk.path, tuple(sorted(names)), sureness=0.8)]


def _inner_loops(lines: Sequence[Line]) -> list[tuple[int, range]]:
    loops = _item_loops(lines)
    within = {place for head, body in loops for place in body if place != head}
    twice = [(n, range(n, n + 1)) for n, line in enumerate(lines) if _NESTED.search(without_strings(line.code))]
    return [*twice, *(one for one in loops if one[0] in within)]


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


def _is_new(call: Call, line: Line, called: Collection[str]) -> bool:
    """Whether an added line makes a call that is not among those `called` before."""
    return line.is_new and call.name not in called


def _loop_is_new(hunk: Hunk) -> bool:
    return len(_item_loops(hunk.after)) > len(_item_loops(hunk.before))


def _receiver(call: Call) -> tuple[str, ...]:
    return call.receivers[-1:]
