"""Names across the files that may be read: where a function is defined, and where it is used.

The source index says which files they are; their text is read again from where it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final

from ..errors import SourceError
from .functions import Function, functions
from .index import SourceIndex, UnitHit
from .roots import Roots, SourceFile, SourcePath
from .words import words

# A name that is defined in more places than this says nothing about where a call goes.
_MAX_MEANINGS: Final = 4
# A word that stands in more units than this tells nobody who depends on what it names.
_MAX_UNITS: Final = 2_000
_MAX_LINE: Final = 1_000


class References:
    """What an index knows of names, in files as they stand.

    Args:
        index: where the roots' folders were read into.
        trees: the trees of those folders.
        roots: the folders, whose files are read.
    """

    def __init__(self, index: SourceIndex, trees: Sequence[int], roots: Roots) -> None:
        self._index = index
        self._trees = tuple(trees)
        self._roots = roots
        self._functions = cache(self._functions_of)

    def defined(self, name: str, near: SourceFile) -> list[tuple[SourceFile, Function]]:
        """Where a function of that name may be; few or none.

        In the same file, else in a file that this one imports by name, else in the same root, else in any.
        """
        own = [place for place in self._functions(near.where) if place[1].name == name]
        if 0 < len(own) <= _MAX_MEANINGS:
            return own
        units = [unit for unit in self._index.definitions([name], self._trees) if unit.own_name == name]
        for narrowing in (
            [unit for unit in units if unit.repo == near.where.repo and _imports(near, unit)],
            [unit for unit in units if unit.repo == near.where.repo],
            units,
        ):
            if 0 < len(narrowing) <= _MAX_MEANINGS:
                return [place for unit in narrowing for place in self._function(unit)]
        return []

    def used(self, names: Iterable[str], outside: Iterable[SourcePath]) -> list[tuple[SourcePath, int, str, str]]:
        """(file, line, name, text) of every line in other files that holds one of the names as a word."""
        excluded = set(outside)
        wanted: dict[SourcePath, set[str]] = {}
        for name in sorted(set(names)):
            for unit in self._index.search(list(words(name))[-1:], self._trees, _MAX_UNITS):
                wanted.setdefault(SourcePath(unit.repo, unit.path), set()).add(name)
        found = []
        for where in sorted(wanted.keys() - excluded):
            longest_first = sorted(wanted[where], key=lambda name: (-len(name), name))
            pattern = re.compile(r"(?<![\w$])(" + "|".join(map(re.escape, longest_first)) + r")(?![\w$])")
            for number, line in enumerate(self._lines(where), start=1):
                names_here = dict.fromkeys(pattern.findall(line)) if len(line) <= _MAX_LINE else ()
                found += [(where, number, name, line.strip()) for name in names_here]
        return found

    def callers(self, name: str, limit: int) -> list[tuple[SourcePath, str, int]]:
        """(file, function, line of the call) of those that call a name, whatever it is called on."""
        return [
            (SourcePath(unit.repo, unit.path), unit.name, line)
            for unit, line in self._index.callers(name, self._trees, limit)
        ]

    def places(self, qualified: str) -> list[tuple[SourcePath, int]]:
        """(file, first line) of the functions of a name; with what they are in (`Stock.reserve`) when that is given."""
        own = qualified.rpartition(".")[2]
        units = [unit for unit in self._index.definitions([own], self._trees) if unit.own_name == own]
        within = [unit for unit in units if f".{unit.name}".endswith(f".{qualified}")]
        if not within and "." in qualified:  # a module or a package in place of a class
            holder = qualified.split(".")[-2].lower()
            within = [unit for unit in units if holder in unit.path.lower().replace(".", "/").split("/")]
        found = [(SourcePath(unit.repo, unit.path), unit.first_line) for unit in within if unit.kind == "function"]
        return found if len(found) <= _MAX_MEANINGS else []

    def _function(self, unit: UnitHit) -> list[tuple[SourceFile, Function]]:
        return [
            (file, function)
            for file, function in self._functions(SourcePath(unit.repo, unit.path))
            if function.name == unit.own_name and unit.first_line <= function.last and function.first <= unit.last_line
        ]

    def _functions_of(self, where: SourcePath) -> tuple[tuple[SourceFile, Function], ...]:
        try:
            file = self._roots.read(where)
        except SourceError:
            return ()  # gone, or changed into what may not be read, since it was indexed
        return tuple((file, function) for function in functions(file))

    def _lines(self, where: SourcePath) -> list[str]:
        try:
            return self._roots.read(where).lines
        except SourceError:
            return []


def _imports(file: SourceFile, unit: UnitHit) -> bool:
    """Whether a file takes something from another one: an import names its stem, or its folder."""
    folder, _, name = unit.path.rpartition("/")
    stems = "|".join(re.escape(stem) for stem in (name.partition(".")[0], folder.rpartition("/")[2]) if stem)
    return (
        re.search(rf"(?m)^\s*(?:from|import|use|using|require|.*\brequire\()[^\n]*\b(?:{stems})\b", file.text)
        is not None
    )
