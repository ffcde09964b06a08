"""From words to places: which files, and which functions in them, a report of a problem is about.

Functions are ranked by the words that they share with the report (BM25, name and text as two fields), files by their
best functions and by their path. What the report names outright (frames, paths, modules) goes before. Tests, examples
and vendored code stand apart: they share the report's words and are hardly ever what has to change.

Measured on labelled issues with `benchmarks/localization.py`. What each part gives there, in points of the first place:
functions instead of files +5, several functions of a file +6, its path +2, what is named outright +6. All weights are
flat around their values: half or twice as much moves the first place by less than a point.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .hints import Hints, hints
from .index import SourceIndex, UnitHit
from .words import words

# More than any report says of its matter; the rest are the commonest words, which tell nothing.
_MAX_WORDS: Final = 400
_MAX_UNITS: Final = 3_000
# A word that comes often in a report counts at most this often: else a log that is pasted in drowns what is asked.
_MAX_REPEATS: Final = 2
_TITLE_REPEATS: Final = 2
# Sections of a report that say where it ran, or that its form asks for, and not what is wrong.
_HEADING: Final = re.compile(r"^(?:#{1,6} *|\*\*)(?P<title>[^\n]*?)[*: ]*$")
_ASIDE: Final = re.compile(
    r"(?i)\b(?:system info\w*|environment|versions?|version info\w*|dependenc(?:y|ies)|screenshots?|show_versions"
    r"|search before asking|willing to|code of conduct|checklist)\b"
)
_APART: Final = re.compile(
    r"(?:^|/)(?:tests?|testing|__tests__|spec|specs|examples?|samples?|docs?|benchmarks?|vendor|third_party|_vendor|extern)/"
    r"|(?:^|/)(?:conftest\.py|test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|Tests?|IT)\.\w+)$"
)
# A file counts by its best functions, each after the first by this much less.
_BEST_UNITS: Final = 5
_DECAY: Final = 0.7
# Shares of the best function's score that a file gets for what the report says outright.
_NAMED_PATH: Final = 0.5
_NAMED_FILE_ONLY: Final = 0.35
_NAMED_MODULE: Final = 0.15
_LAST_FRAME: Final = 0.5
_FIRST_FRAME: Final = 0.15
# An `__init__` gathers names that others define.
_GATHERING: Final = 0.1
_GATHERS: Final = re.compile(r"(?:^|/)(?:__init__\.pyi?|index\.[jt]sx?|mod\.rs)$")
# Configuration and other files without a grammar are seldom where a report ends.
_PLAIN_FILE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Place:
    """A file that a report may be about: its score (only comparable within one answer), its best units, and why."""

    repo: str
    path: str
    score: float
    units: tuple[UnitHit, ...]
    reasons: tuple[str, ...]


def localise(index: SourceIndex, trees: Sequence[int], report: str, limit: int = 20) -> list[Place]:
    """The files that a report is most likely about, best first.

    Args:
        index: where the trees were read into.
        trees: which trees to look in (`Indexed.tree`).
        report: free text: an issue, an error, stack traces, log lines, names; its first line counts twice.
        limit: how many files at most.
    """
    asked = _asked(report)
    kept = index.rare(asked, _MAX_WORDS)
    hits = index.search([word for word in kept for _ in range(asked[word])], trees, _MAX_UNITS)
    by_file: dict[tuple[str, str], list[UnitHit]] = defaultdict(list)
    for hit in hits:
        by_file[hit.repo, hit.path].append(hit)
    best = hits[0].score if hits else 1.0
    files = index.files(trees)
    path_words = _PathWords([path for _, path, _ in files])
    told = hints(report)
    places = []
    for repo, path, language in files:
        named, reasons = _named(path, told)
        if _APART.search(path) and not named:
            continue
        units = by_file.get((repo, path), [])
        score = _of_units(units) + path_words.score(path, asked)
        if not language:
            score *= _PLAIN_FILE
        score += best * (named - (_GATHERING if _GATHERS.search(path) else 0.0))
        if score > 0:
            places.append(Place(repo, path, score, tuple(units[:_BEST_UNITS]), tuple(reasons)))
    return sorted(places, key=lambda place: (-place.score, place.repo, place.path))[:limit]


def _asked(report: str) -> Counter[str]:
    """The report's words and how often each counts."""
    title, _, rest = report.partition("\n")
    rest = _without_asides(rest)
    asked = Counter(word for word in words(title) for _ in range(_TITLE_REPEATS))
    asked.update(words(rest))
    return Counter({word: min(count, _MAX_REPEATS) for word, count in asked.items()})


def _without_asides(report: str) -> str:
    kept = []
    aside = False
    for line in report.splitlines():
        heading = _HEADING.match(line)
        if heading:
            aside = _ASIDE.search(heading["title"]) is not None
        if not aside:
            kept.append(line)
    return "\n".join(kept)


def _of_units(units: Sequence[UnitHit]) -> float:
    """A mean of a file's best units that falls off: one that fits well says more than many that fit a little."""
    weights = [_DECAY**place for place in range(_BEST_UNITS)]
    return sum(w * unit.score for w, unit in zip(weights, units, strict=False)) / sum(weights)


class _PathWords:
    """How much a path's words tell: those that few paths have."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._words = {path: frozenset(words(path.rpartition(".")[0].replace("/", " "))) for path in paths}
        self._count = Counter(word for found in self._words.values() for word in found)

    def score(self, path: str, asked: Mapping[str, int]) -> float:
        return sum(self._idf(word) * math.sqrt(asked[word]) for word in sorted(self._words[path]) if word in asked)

    def _idf(self, word: str) -> float:
        having = self._count[word]
        return math.log(1 + (len(self._words) - having + 0.5) / (having + 0.5))


def _named(path: str, told: Hints) -> tuple[float, list[str]]:
    """What a file gets because the report names it, as a share of the best function's score, and why."""
    share, reasons = 0.0, []
    path_named = max((_named_path(path, named) for named in told.paths), default=0.0)
    if path_named:
        share += path_named
        reasons.append("its path is named")
    module = re.sub(r"^(?:src|lib)/|/__init__$", "", path.rpartition(".")[0])
    if "/" in module and any(f"{name.replace('.', '/')}/".startswith(f"{module}/") for name in told.dotted):
        share += _NAMED_MODULE
        reasons.append("its module is named")
    deepest = [place for place, frame in enumerate(told.frames, start=1) if _same_file(path, frame.path)]
    if deepest:
        share += _FIRST_FRAME + (_LAST_FRAME - _FIRST_FRAME) * deepest[-1] / len(told.frames)
        reasons.append("a frame of a stack trace is in it")
    return share, reasons


def _named_path(path: str, named: str) -> float:
    if not (f"/{path}".endswith(f"/{named}") or f"/{named}".endswith(f"/{path}")):
        return 0.0
    return _NAMED_PATH if "/" in named else _NAMED_FILE_ONLY


def _same_file(path: str, framed: str) -> bool:
    """Whether a frame's path, of whatever machine, is this file: the shorter of both is the end of the other.

    An installed package has other folders above it, so two common parts are enough.
    """
    tail = "/".join(path.split("/")[-2:])
    return f"/{framed}".endswith((f"/{path}", f"/{tail}")) or f"/{path}".endswith(f"/{framed}")
