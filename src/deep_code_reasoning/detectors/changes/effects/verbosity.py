"""What is written to logs: levels that let more through, and whole objects that are turned into text for a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from ..code import is_log_statement
from ..diff import Hunk, Line, Patch
from ..effect import ANY, Effect, each_hunk

_LEVEL: Final = re.compile(
    r"""(?i)\b(?:log|root|logger|logging|level)\w*\b.*?\b(trace|debug|info|warn(?:ing)?|error)\b"""
)
# How levels are set without a word of logs, and what a file of the settings of logs says (`tracing`, `filter`).
_OF_LOGS: Final = re.compile(
    r"(?i)\blog|logging|logger|tracing|log4|logback|serilog|(?<![a-z])rust_log|env_?filter|max_level|verbosity"
)
_ANY_LEVEL: Final = re.compile(
    r"(?i)(?<![\w.])(?:\w*(?:level|log|zap)\w*(?:::|\.))?(trace|debug|info|warn(?:ing)?|error)\b(?=[\"'`,)]|\s*$)"
)
_ORDER: Final = {"error": 0, "warn": 1, "warning": 1, "info": 2, "debug": 3, "trace": 4}
_WHOLE: Final = re.compile(r"(?i)\b(?:raw_?)?(?:body|payload|headers|dump|content|request_json|to_?json)\b")
# Calls and formats by which an object becomes text with all that it holds; the last two may be of something small.
_AS_TEXT: Final = re.compile(
    r"(?i)\bjson\.dumps\(|to_?json\b|\bJSON\.(?:stringify|generate|pretty_generate)|\bserialize\w*\(|json_encode|json\.Marshal"
    r"|writeValueAsString|pretty|print_r|var_export|var_dump|util\.inspect|pformat|\bdump\(|\{\w*:#\?\}"
)
_MAYBE_AS_TEXT: Final = re.compile(r"%[+#]v|\.inspect\b")
# What is written below this level is not written in production.
_WRITES: Final = re.compile(r"\b(?:trace|debug|info|warn(?:ing)?|error)!?\s*\(", re.IGNORECASE)
_QUIET: Final = re.compile(r"(?i)\b\w*(?:debug|trace|verbose)\w*!?\s*\(|::(?:debug|trace)!|level\.debug")


def _levels(hunk: Hunk) -> Iterator[Effect]:
    old, new = (
        [
            _ORDER[match[1].lower()]
            for line in lines
            if not is_log_statement(line.code) and (match := _LEVEL.search(line.code))
        ]
        for lines in (hunk.removed, hunk.added)
    )
    if old and new and max(new) > max(2, *old):
        yield Effect("logging_verbose", "log level made more verbose", hunk.path, ("log", "level"))


def _by_file(patch: Patch) -> Iterator[Effect]:
    """The level that code set, and a file of settings that is new sets since, for more."""
    old, new = (
        [
            (_ORDER[match[1].lower()], hunk.path)
            for hunk in patch.running
            for line in (hunk.added if added else hunk.removed)
            if (hunk.is_new_file or not added)
            and (_OF_LOGS.search(line.code) or (added and _OF_LOGS.search(hunk.path)))
            and not _WRITES.search(line.code)
            and (match := _ANY_LEVEL.search(line.code))
        ]
        for added in (False, True)
    )
    if old and new and max(new)[0] > max(2, max(old)[0]):
        yield Effect("logging_verbose", "log level made more verbose", max(new)[1], ("log", "level"))


def _bodies(hunk: Hunk) -> Iterator[Effect]:
    old, new = (_writing(lines, _WHOLE) for lines in (hunk.removed, hunk.added))
    if len(new) > len(old):
        says = f"logs whole bodies: `{new[0].code[:60]}`"
        yield Effect("logging_verbose", says, hunk.path, ("log",), sureness=0.8)


def _objects(hunk: Hunk) -> Iterator[Effect]:
    for pattern, sureness in ((_AS_TEXT, 0.9), (_MAYBE_AS_TEXT, 0.5)):
        old, new = (
            [line for line in _writing(lines, pattern) if not _QUIET.search(line.code)]
            for lines in (hunk.removed, hunk.added)
        )
        if len(new) > len(old):
            says = f"writes whole objects to the log: `{new[0].code[:80]}`"
            yield Effect("logging_heavy", says, hunk.path, ("log",), sureness=sureness)
            return


def _writing(lines: Sequence[Line], pattern: re.Pattern[str]) -> list[Line]:
    return [line for line in lines if is_log_statement(line.code) and pattern.search(line.code)]


_of_hunks: Final = each_hunk({_levels: ANY, _bodies: ANY, _objects: ANY})


def extract(patch: Patch) -> list[Effect]:
    """Levels that let more through, in one place or moved into another, and objects that are written whole."""
    return [*_of_hunks(patch), *_by_file(patch)]
