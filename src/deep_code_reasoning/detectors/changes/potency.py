"""How much a change alters what the system does: nothing, where it moves, renames, logs, rewords or tunes safely."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Final

from .code import computes_nothing, definition, string_literals
from .diff import Patch
from .effect import Effect
from .fit import size

# What tuning in the safe direction, idle times and small version steps can break is little: they do not count among
# the changes of which one must have done it.
BENIGN: Final = re.compile(
    r"^name_|_raised$|^idle_time_|^dependency_(patch|minor)$|^growth_bounded$|^sampling_(lowered|raised)$|"
    r"^logging_verbose$|^status_changed$"
)
# Effects of lines that are as they were, by where they stand now; and of lines that only write logs.
_BY_PLACE: Final = ("order_changed", "lock_held_longer", "logging_heavy")


def potency(patch: Patch, effects: Sequence[Effect]) -> tuple[float, str]:
    """How much a patch changes of what the system does (0..1), and in words why that is nothing or little."""
    acts = [line.code for line in (*patch.removed, *patch.added) if not _is_idle(line.code)]
    if not acts and not any(effect.kind.endswith(_BY_PLACE) for effect in effects):
        return 0.0, "changes no behaviour"
    telling = [effect for effect in effects if not BENIGN.search(effect.kind)]
    if all(hunk.kind == "view" for hunk in patch.running) and not any(e.kind == "call_in_loop" for e in telling):
        return 0.1, "changes only what is shown"
    if not telling and any(not effect.kind.startswith("name_") for effect in effects):
        return 0.15, "does nothing that could produce what is seen"
    if not telling and moves_code_only(patch):
        return 0.05, "only moves or renames code"
    guards = only_adds_guards(patch) and not any(e.kind == "call_in_loop" for e in telling)
    if not patch.removed and (guards or only_adds_uncalled(patch)):
        return 0.1, "only adds what the old code does not reach"
    if _only_adds_columns(patch):
        return 0.1, "adds columns that may be empty"
    if telling:
        power = max(effect.sureness * size(effect) for effect in telling)
        return power, "does nothing that is known to produce what is seen"
    return 0.4 if not patch.removed else 0.75, "nothing ties it to what is seen"


def _only_adds_columns(patch: Patch) -> bool:
    """Whether a migration does no more than add columns that may be empty, as SQL, Liquibase and Rails write it."""
    text = " ".join(line.code for line in patch.added)
    adds = len(_ADDS_COLUMN.findall(text))
    return (
        not patch.removed
        and adds > 0
        and adds == len(_ALTERS.findall(text))
        and not _FILLS.search(text)
        and all(hunk.kind == "sql" for hunk in patch.running)
    )


_ADDS_COLUMN: Final = re.compile(r"(?i)<addColumn\b|\badd_column\b|\bADD\s+COLUMN\b|\baddColumn\(")
_ALTERS: Final = re.compile(
    r"(?i)<(?!/|changeSet\b|column\b|databaseChangeLog\b|comment\b|\?xml\b)\w+|\b(?:add|remove|rename|change|create|drop)_\w+"
    r"|\b(?:ADD|DROP|CREATE|UPDATE|INSERT|DELETE|RENAME|SET)\s|\b(?:add|remove|rename|create|drop)[A-Z]\w+\("
)
_FILLS: Final = re.compile(
    r"(?i)\bnot\s+null\b|\bdefault|\breferences\b|\bunique\b|\bprimary\b|null(?:able)?\W{1,5}false|<constraints\b|\bgenerated\b"
)


def _is_idle(code: str) -> bool:
    return computes_nothing(code) or not re.search(r"\w", code)


def only_adds_guards(patch: Patch) -> bool:
    """Whether all that is added is a check with what follows from it: such code refuses, and seldom breaks."""
    return all(
        re.match(
            r"\s*(?:\}?\s*else\b|if\b|unless\b|guard\b|return\b|raise\b|throw\b|continue\b|break\b|end\b|[{}]|defer\b)",
            line.code,
        )
        for line in patch.added
    )


_CALLED: Final = re.compile(r"([\w$]+)\s*\(")
_TOKEN: Final = re.compile(r"[A-Za-z_$][\w$]*|\d+(?:\.\d+)?")
_WORD_OR_SIGN: Final = re.compile(r"[\w$]+|[^\w\s]")
_ASSIGNED: Final = re.compile(
    r"\s*(?:[A-Za-z_][\w<>\[\]]*\s+){0,3}([A-Za-z_$][\w$]*)\s*(?::\s*\w+\s*)?(?::=|=(?![=>]))"
)
_GLUE: Final = frozenset(
    (
        "return func function def const let var self this new public private static final void if else end "
        "do async await err nil null none"
    ).split()
)


_SPELLING: Final = re.compile(r"(?i)\b(?:typos?|spelling|mis-?spell\w*|misprint\w*)\b")
_BEFORE_A_VALUE: Final = re.compile(r"[=:\"'>]")
# Two spellings of one word share most of their letters, in their order.
_SAME_WORD: Final = 0.7


def corrects_spelling(message: str, patch: Patch) -> bool:
    """Whether a change says that it corrects the spelling, and alters but letters of words within values.

    A key or a name that is spelled otherwise is another one, which may be asked for by the old one.
    """
    if not _SPELLING.search(message) or len(patch.removed) != len(patch.added) or not patch.added:
        return False
    return all(_spelled_anew(old.code, new.code) for old, new in zip(patch.removed, patch.added, strict=True))


def _spelled_anew(old: str, new: str) -> bool:
    before, after = _WORD_OR_SIGN.findall(old), _WORD_OR_SIGN.findall(new)
    value = next((place for place, word in enumerate(before) if _BEFORE_A_VALUE.match(word)), len(before))
    other = [place for place, (one, two) in enumerate(zip(before, after, strict=False)) if one != two]
    return len(before) == len(after) and all(
        place > value
        and before[place].isalpha()
        and after[place].isalpha()
        and SequenceMatcher(None, before[place].lower(), after[place].lower()).ratio() >= _SAME_WORD
        for place in other
    )


def moves_code_only(patch: Patch) -> bool:
    """Whether all that was taken out was put back, under a new name or in a new place at most.

    True when nearly every word of the removed code stands in the added code, and what is new there besides is little
    more than names for it (a helper's definition, its call).
    """
    literals = ([text for line in side for text in string_literals(line.code)] for side in (patch.removed, patch.added))
    if set(next(literals)) - set(next(literals)):
        return False
    if _renames_only(patch):
        return True
    removed = {token for line in patch.removed for token in _TOKEN.findall(line.code)} - _GLUE
    added = {token for line in patch.added for token in _TOKEN.findall(line.code)} - _GLUE
    if not removed or not added:
        return False
    # In a few lines every word counts; in many, one that is gone may be a local variable.
    lost = len(removed - added)
    return lost <= len(removed) // 12 and len(added - removed) <= max(3, 0.6 * len(added))


def _renames_only(patch: Patch) -> bool:
    """Whether lines were only put back with another name for what they assign to, the same one everywhere."""
    names: dict[str, str] = {}
    if len(patch.removed) != len(patch.added):
        return False
    for old, new in zip(patch.removed, patch.added, strict=True):
        before, after = _WORD_OR_SIGN.findall(old.code), _WORD_OR_SIGN.findall(new.code)
        if len(before) != len(after):
            return False
        for one, other in zip(before, after, strict=True):
            if names.setdefault(one, other) != other:
                return False
    renamed = {one for one, other in names.items() if one != other}
    assigned = {found[1] for line in patch.removed if (found := _ASSIGNED.match(line.code))}
    return bool(renamed) and renamed <= assigned and len(set(names.values())) == len(names)


def only_adds_uncalled(patch: Patch) -> bool:
    """Whether a patch only adds definitions that nothing in it calls: new code which the old code does not reach."""
    if patch.removed or not patch.added:
        return False
    names = {definition(line.code) for line in patch.added} - {""}
    return (
        bool(names)
        and not any(names & (set(_CALLED.findall(line.code)) - {definition(line.code)}) for line in patch.added)
        and all(
            line.indent > 0 or definition(line.code) or not re.search(r"\w\s*\(", line.code) for line in patch.added
        )
    )
