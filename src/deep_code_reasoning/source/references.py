"""Names across the files that may be read: where a function is defined, and where it is used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Final

from ..errors import SourceError
from .functions import Function, functions
from .languages import language_of
from .roots import Roots, SourceFile, SourcePath

# Beyond this many files a name is looked for in the first ones only, and it is said.
_MAX_FILES: Final = 5_000
# A name that is defined in more places than this says nothing about where a call goes.
_MAX_MEANINGS: Final = 4


class References:
    """An index of the roots' code that is built when it is first asked."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots

    @property
    def complete(self) -> bool:
        """Whether all files are in it."""
        return len(self._code) <= _MAX_FILES

    def defined(self, name: str, near: SourcePath) -> list[tuple[SourceFile, Function]]:
        """Where a function of that name may be: in the same file, else the same root, else any; few or none."""
        places = self._definitions.get(name, [])
        for narrowing in (
            [place for place in places if place[0].where == near],
            [place for place in places if place[0].where.repo == near.repo],
            places,
        ):
            if 0 < len(narrowing) <= _MAX_MEANINGS:
                return narrowing
        return []

    def used(self, names: Iterable[str], outside: Iterable[SourcePath]) -> list[tuple[SourcePath, int, str, str]]:
        """(file, line, name, text) of every line in other files that holds one of the names as a word."""
        wanted = sorted(set(names), key=len, reverse=True)
        if not wanted:
            return []
        pattern = re.compile(r"(?<![\w$])(" + "|".join(map(re.escape, wanted)) + r")(?![\w$])")
        excluded = set(outside)
        found = []
        for file in self._files:
            if file.where in excluded:
                continue
            for number, line in enumerate(file.lines, start=1):
                names_here = dict.fromkeys(pattern.findall(line)) if len(line) <= 1_000 else ()
                found += [(file.where, number, name, line.strip()) for name in names_here]
        return found

    @cached_property
    def _code(self) -> list[SourcePath]:
        return [where for where in self._roots.files if language_of(where.path) is not None]

    @cached_property
    def _files(self) -> list[SourceFile]:
        read = []
        for where in self._code[:_MAX_FILES]:
            try:
                read.append(self._roots.read(where))
            except SourceError:
                continue  # too large, no text, or gone: no code that somebody wrote
        return read

    @cached_property
    def _definitions(self) -> dict[str, list[tuple[SourceFile, Function]]]:
        index: dict[str, list[tuple[SourceFile, Function]]] = {}
        for file in self._files:
            for function in functions(file):
                index.setdefault(function.name, []).append((file, function))
        return index
