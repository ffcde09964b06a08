"""Waiting that is over too early: what is called and no longer waited for, and writes that are left to the background.

Who asks for what was written right after it was told that it is there finds nothing, or what was there before; and
what fails meanwhile, nobody hears of.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from ...vocabulary.words import words
from ..code import calls, is_import, is_log_statement, is_telemetry, lines_around, string_literals, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect

# What changes what others read.
_WRITES: Final = frozenset(
    """save store set put insert write create update upsert persist publish append commit flush push index replace
    merge enqueue send emit produce delete remove hset setex mset hmset putitem grant debit credit reserve""".split()
)
# How the languages wait for what a call begins.
_AWAITED: Final = re.compile(
    r"\bawait\s+([\w$.]+)\s*(?:<[^>]*>)?\(|\b([\w$.]+)\((?:[^()]|\([^()]*\))*\)\s*\.await\b"
    r"|\b([\w$.]+)\((?:[^()]|\([^()]*\))*\)\s*\.(?:get|join|block|blockingGet|toFuture|awaitSingle|Wait|GetAwaiter)\("
    r"|\b(?:Await\.(?:result|ready)|run_until_complete|Task\.await|wait_for)\(\s*([\w$.]+)\("
)
# How they begin what goes on by itself.
_BEHIND: Final = re.compile(
    r"(?:^|[\s=({])go\s+(?:func\b|[\w.]+\()|\b(?:spawn|spawn_blocking|launch|runAsync|supplyAsync|create_task|ensure_future|"
    r"run_in_executor|setImmediate|nextTick|queueMicrotask|unawaited|add_task|dispatch|defer_async|async_call|GlobalScope|"
    r"perform_async|perform_later|deliver_later|perform_in|delay|apply_async|QueueUserWorkItem|StartNew|start_soon|fireAndForget|"
    r"fire_and_forget)\b\s*[({.]|\b(?:perform_later|deliver_later|perform_async)\b|\bThread\.(?:new|start)\b|\bTask\.(?:Run|start|async)\b"
    r"|\bnew Thread\(|\b\w*(?:[eE]xecutor|[pP]ool|threads?)\w*\.(?:submit|execute|schedule|post)\("
    r"|^(?:void\s+|_\s*=\s*)[\w.]+\("
)
_LATER: Final = re.compile(r"\b(perform|deliver)_(?:later|async)\b")
# What waits for all of it after all, for its answer, or for those who asked for it.
_JOINED: Final = re.compile(
    r"\b(?:Promise\.(?:all|allSettled|race|any)|asyncio\.(?:gather|wait)|gather|when_?all|WhenAll|join_all|try_join\w*|"
    r"await_?all|awaitAll|allOf|TaskGroup|task_group|JoinSet|coroutineScope|supervisorScope|withContext|await_many|errgroup)\b"
    r"|\bjoin!|\b\w+\.Wait\(\)|\.join\b|\.(?:get|result|value)\(\)|\bselect!|<-\s*\w+"
)


def extract(patch: Patch) -> list[Effect]:
    """Calls that are no longer waited for, the first of each file."""
    found: dict[str, Effect] = {}
    for hunk in patch.running:
        if hunk.kind not in ("code", "view") or hunk.path in found:
            continue
        if any(_JOINED.search(without_strings(line.code)) for line in hunk.added):
            continue
        let_go = _no_longer_awaited(hunk) or _put_behind(hunk)
        if let_go is not None:
            found[hunk.path] = let_go
    return list(found.values())


def _no_longer_awaited(hunk: Hunk) -> Effect | None:
    """A call that was awaited stands by itself: no answer of it is taken, handed on or joined."""
    awaited = {
        next(filter(None, match.groups())): line
        for line in hunk.removed
        for match in _AWAITED.finditer(without_strings(line.code))
    }
    gone = [line for name, line in awaited.items() if any(_stands_alone(name, other, hunk) for other in hunk.added)]
    line = next((one for one in gone if _writes(one)), gone[0] if gone else None)
    return _effect(line, hunk) if line is not None else None


def _stands_alone(name: str, line: Line, hunk: Hunk) -> bool:
    code = without_strings(line.code)
    if re.search(r"\bawait\b", code) or _AWAITED.search(code):
        return False
    match = re.match(
        rf"(?:void\s+|(?:(?:const|let|var|val|auto|final)\s+)?(\w+)\s*:?=\s*)?{re.escape(name)}\s*(?:<[^>]*>)?\(", code
    )
    # What was begun may be waited for further on.
    later = rf"\bawait\s+{match[1]}\b|\b{match[1]}\??\.(?:await|get|join|then|Wait)\b" if match and match[1] else ""
    return match is not None and not (later and any(re.search(later, other.code) for other in hunk.after))


def _put_behind(hunk: Hunk) -> Effect | None:
    """A write that was made on the spot is made by what goes on by itself."""
    # What stands within it now may be the same line, further in.
    taken = [line for line in hunk.before if line.sign == "-" and not _idle(line)]
    before = {call.name: line for line in taken for call in calls(line.code)}
    for place, line in enumerate(hunk.after):
        if line.sign != "+" or _idle(line):
            continue
        for call in calls(line.code):
            old = before.get(call.name)
            if old is not None and _writes(old) and _is_behind(hunk.after, place) and not _is_behind((old,), 0):
                return _effect(old, hunk)
    later = next((line for line in hunk.added if _LATER.search(line.code)), None)
    now = next((line for line in hunk.removed if re.search(r"\b(?:perform|deliver)(?:_now)?\b", line.code)), None)
    return _effect(now, hunk, 0.6) if later is not None and now is not None else None


def _is_behind(side: Sequence[Line], place: int) -> bool:
    """Whether a line begins what goes on by itself, or stands in it."""
    around = [side[place], *(line for line in lines_around(side, place) if line.sign == "+" and not line.kept)]
    return any(_BEHIND.search(without_strings(line.code)) for line in around)


def _idle(line: Line) -> bool:
    return is_import(line.code) or is_log_statement(line.code) or is_telemetry(line.code)


def _writes(line: Line) -> bool:
    return any(_WRITES.intersection(words(call.name)[:1]) for call in calls(line.code))


def _effect(line: Line, hunk: Hunk, sureness: float = 1.0) -> Effect:
    kind = "write_unawaited" if _writes(line) else "await_removed"
    names = dict.fromkeys(name for call in calls(line.code) for name in (call.name, call.full))
    names |= dict.fromkeys(re.findall(r"[A-Za-z_]\w*(?:\.\w+)*", without_strings(line.code).partition("(")[2]))
    subjects = (*names, *string_literals(line.code))
    return Effect(kind, f"no longer waits for `{line.code[:80]}`", hunk.path, subjects, sureness=sureness)
