"""What is done as before, and no longer undone: listeners, values of a thread, entries of a container."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ...vocabulary.words import words
from ..code import without_strings
from ..diff import Line, Patch
from ..effect import Effect

_CALL: Final = re.compile(r"([A-Za-z_$@]\w*)\s*(?:\?\.|\.|->|::)\s*([A-Za-z_]\w*)[!?]?(?=\s*[(<\s]|$)")
_LISTENS: Final = re.compile(r"\b(\w+(?:\.\w+)*\.[A-Z]\w*)\s*([+-])=")
_DOES: Final = frozenset(
    "set put push add insert subscribe attach register append store enqueue with bind listen mark enter track".split()
)
_UNDOES: Final = frozenset(
    """clear remove reset unset pop delete unsubscribe detach deregister unregister unbind evict purge expire
    sweep prune trim dispose forget untrack leave exit cleanup reap discard""".split()
)
# What lets go by itself.
_LETS_GO: Final = re.compile(r"(?i)weak|\bttl\b|expir|\blru\b|max_?(?:size|len|entries)|\bscoped?\b|\busing\b|\bwith\b")
# Holders of what belongs to one request or thread.
_OF_A_CALL: Final = frozenset(
    "thread local context current mdc ndc holder scope tenant security request span baggage ambient cls".split()
)
_OF_LISTENERS: Final = frozenset(
    "subscribe attach register bind listen unsubscribe detach unregister deregister".split()
)


def extract(patch: Patch) -> list[Effect]:
    """Undoing calls that are gone while the doing ones of the same thing stay."""
    found: list[Effect] = []
    for path in dict.fromkeys(hunk.path for hunk in patch.running if hunk.kind == "code"):
        hunks = [hunk for hunk in patch.running if hunk.path == path]
        removed, after = ([line for hunk in hunks for line in getattr(hunk, side)] for side in ("removed", "after"))
        if not any(_LETS_GO.search(line.code) for hunk in hunks for line in hunk.added):
            found += _no_longer_undone(path, removed, after)
        found += _no_longer_heard(path, removed, after)
    return found


def _no_longer_undone(path: str, removed: list[Line], after: list[Line]) -> Iterator[Effect]:
    done = {name for line in after for name, verbs in _called(line.code) if verbs[0] in _DOES}
    still = {name for line in after for name, verbs in _called(line.code) if _UNDOES & set(verbs)}
    for line in removed:
        for name, verbs in _called(line.code):
            if _UNDOES & set(verbs) and name in done - still:
                kind = _kind(name, verbs)
                says = f"{name} is filled as before and no longer emptied: `{line.code[:80]}` is gone"
                yield Effect(kind, says, path, (name,), sureness=0.8)
                return


def _no_longer_heard(path: str, removed: list[Line], after: list[Line]) -> Iterator[Effect]:
    """C#: an event that is listened to by `+=` and no longer left by `-=`."""
    heard = {match[1]: match[2] for line in after for match in _LISTENS.finditer(line.code)}
    for line in removed:
        match = _LISTENS.search(line.code)
        if match and match[2] == "-" and heard.get(match[1]) == "+":
            says = f"listens to {match[1]} and never ceases to: `{line.code[:80]}` is gone"
            yield Effect("release_removed", says, path, (match[1].split(".")[-1],), sureness=0.9)
            return


def _kind(name: str, verbs: Sequence[str]) -> str:
    if _OF_A_CALL & set(words(name)):
        return "state_shared"
    return "release_removed" if _OF_LISTENERS & set(verbs) else "eviction_removed"


def _called(code: str) -> list[tuple[str, list[str]]]:
    """Receivers on a line with the words of what is called on each."""
    return [(match[1], split) for match in _CALL.finditer(without_strings(code)) if (split := words(match[2]))]
