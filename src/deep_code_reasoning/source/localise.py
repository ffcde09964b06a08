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
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final

from .apart import stands_apart
from .callees import Callees
from .failing_tests import Exercised, TextOf, exercised
from .hints import Frame, Hints, hints, without_frames
from .index import File, SourceIndex, UnitHit, path_stem
from .languages import language_of
from .reached import Start, reached
from .words import words

# Where a report's words occur in more units than this, the commonest are left out: they tell the least, and what a
# search takes goes by this number. No labelled issue's first file changes by it.
_MAX_OCCURRENCES: Final = 100_000
_MAX_UNITS: Final = 3_000
# A word that so many paths have tells none of them apart.
_MAX_PATHS: Final = 5_000
# A word that comes often in a report counts at most this often: else a log that is pasted in drowns what is asked.
_MAX_REPEATS: Final = 2
_TITLE_REPEATS: Final = 2
# Sections of a report that say where it ran, or that its form asks for, and not what is wrong.
_HEADING: Final = re.compile(r"^(?:#{1,6} *|\*\*)(?P<title>[^\n]*?)[*: ]*$")
_ASIDE: Final = re.compile(
    r"(?i)\b(?:system info\w*|environment|versions?|version info\w*|dependenc(?:y|ies)|screenshots?|show_versions"
    r"|search before asking|willing to|code of conduct|checklist)\b"
)
# A file counts by its best functions, each after the first by this much less.
_BEST_UNITS: Final = 5
_DECAY: Final = 0.7
# Shares of the best function's score that a file gets for what the report says outright.
_NAMED_PATH: Final = 0.5
_NAMED_FILE_ONLY: Final = 0.35
_NAMED_MODULE: Final = 0.15
_INNERMOST_FRAME: Final = 0.5
_OUTERMOST_FRAME: Final = 0.15
# A frame of a test says where the fault was met; what has to change is seldom there.
_FRAME_APART: Final = 0.1
# What the test that met it is named for, where no frame is of the system: it is reached as well, which says more. So
# many frames of tests are followed.
_SUBJECT: Final = 0.15
_MAX_TEST_FRAMES: Final = 20
# A frame says less than the one that it called, by this factor; so many are followed.
_OUTWARD: Final = 0.8
_MAX_STARTS: Final = 30
_FRAMED: Final = "a frame of a stack trace is in it"
# An `__init__` gathers names that others define.
_GATHERING: Final = 0.1
_GATHERS: Final = re.compile(r"(?:^|/)(?:__init__\.pyi?|index\.[jt]sx?|mod\.rs)$")
# Configuration and other files without a grammar are seldom where a report ends.
_PLAIN_FILE: Final = 0.6


@dataclass(frozen=True, slots=True)
class Place:
    """A file that a report may be about.

    `score` only compares within one answer. `units` are its functions and classes, those that the report names by a
    line first, then those that fit best. `lines` are those lines. `reasons` say what the report names outright.
    """

    repo: str
    path: str
    score: float
    units: tuple[UnitHit, ...]
    lines: tuple[int, ...]
    reasons: tuple[str, ...]


def localise(
    index: SourceIndex, trees: Sequence[int], report: str, limit: int = 20, text_of: TextOf = lambda *_: None
) -> list[Place]:
    """The files that a report is most likely about, best first.

    Args:
        index: where the trees were read into.
        trees: which trees to look in (`Indexed.tree`).
        report: free text: an issue, an error, stack traces, log lines, names; its first line counts twice.
        limit: how many files at most.
        text_of: reads a file of the trees: the tests of a stack trace, and what its frames call.
    """
    told = hints(report)
    trace = _trace(index, trees, told)
    met = ((frame, file) for frame, files in trace.files.items() for file in files if file in trace.apart)
    tests = exercised((frame, path, text_of(repo, path)) for frame, (repo, path) in islice(met, _MAX_TEST_FRAMES))
    asked = _asked(without_frames(report, lambda frame: not trace.files.get(frame)))
    asked.update(dict.fromkeys(words(tests.code), 1))
    if trace.apart:
        del asked["test"]  # the frame of a test says it, not the report
    kept = index.rare(asked, _MAX_OCCURRENCES)
    hits = index.search([word for word in kept for _ in range(asked[word])], trees, _MAX_UNITS)
    by_file: dict[File, list[UnitHit]] = defaultdict(list)
    for hit in hits:
        by_file[hit.repo, hit.path].append(hit)
    best = hits[0].score if hits else 1.0
    ran = _ran(Callees(index, trees, text_of, tests.subjects), trace)
    by_path = _path_scores(index, trees, asked)
    maybe_named = set(index.files_with_stem(_stems(told) | tests.subjects, trees))
    places = []
    for file in by_file.keys() | by_path.keys() | maybe_named | ran.keys():
        path = file[1]
        named, reasons = _named(file, told, trace, tests) if file in maybe_named else (0.0, [])
        if stands_apart(path) and not named:
            continue
        units = by_file.get(file, [])
        if file in ran:
            units = _with_reached(units, index.units(*file, trees), ran[file], best)
        # A test that only a frame names is not what its path is about.
        score = _of_units(units) + (0.0 if file in trace.apart else by_path.get(file, 0.0))
        if language_of(path) is None:
            score *= _PLAIN_FILE
        score += best * (named - (_GATHERING if _GATHERS.search(path) else 0.0))
        if score > 0:
            places.append(Place(*file, score, tuple(units), (), tuple(reasons)))
    first = sorted(places, key=lambda place: (-place.score, place.repo, place.path))[:limit]
    return [_with_lines(index, trees, place, told) for place in first]


@dataclass(frozen=True, slots=True)
class _Trace:
    """Where a report's frames lead: the `files` of each, `inner` those of the system, the one that failed first first.

    `apart` are the others: tests, mostly.
    """

    files: dict[Frame, list[File]]
    inner: tuple[File, ...]
    apart: frozenset[File]


def _ran(callees: Callees, trace: _Trace) -> dict[File, dict[tuple[int, int], float]]:
    """The functions of the system that may have run, each with its share of the one that is reached the most directly.

    Of frames, the further out the less they say.
    """
    met = ((frame, file) for frame, files in trace.files.items() for file in files)
    starts = [
        Start(file, frame.line or 0, (frame.function or "").rpartition(".")[2], _OUTWARD**depth)
        for depth, (frame, file) in enumerate(islice(met, _MAX_STARTS))
    ]
    found = {file: some for file, some in reached(callees, starts).items() if not stands_apart(file[1])}
    most = max((weight for some in found.values() for weight in some.values()), default=1.0)
    return {file: {lines: weight / most for lines, weight in some.items()} for file, some in found.items()}


def _with_reached(
    units: Sequence[UnitHit], of_file: Sequence[UnitHit], ran: Mapping[tuple[int, int], float], best: float
) -> list[UnitHit]:
    """The units of a file, those that may have run with what that adds to their scores, best first."""
    found = {(unit.first_line, unit.name): unit for unit in units}
    for (first, _), share in ran.items():
        unit = _innermost(of_file, first)
        if unit is not None:
            known = found.get((unit.first_line, unit.name), unit)
            found[unit.first_line, unit.name] = replace(known, score=known.score + share * best)
    return sorted(found.values(), key=lambda unit: (-unit.score, unit.first_line, unit.name))


def _trace(index: SourceIndex, trees: Sequence[int], told: Hints) -> _Trace:
    by_stem: dict[str, list[File]] = defaultdict(list)
    known = (*told.frames, *told.tests)
    for file in index.files_with_stem({path_stem(frame.path) for frame in known}, trees):
        by_stem[path_stem(file[1])].append(file)
    files = {
        frame: [file for file in by_stem[path_stem(frame.path)] if _same_file(file[1], frame.path)] for frame in known
    }
    framed = {(file, frame.function) for frame in told.frames for file in files[frame]}
    for test in told.tests:
        files[test] = [f for f in files[test] if stands_apart(f[1]) and (f, test.function) not in framed]
    met = dict.fromkeys(file for some in files.values() for file in some)
    apart = frozenset(file for file in met if stands_apart(file[1]))
    return _Trace(files, tuple(file for file in met if file not in apart), apart)


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


def _path_scores(index: SourceIndex, trees: Sequence[int], asked: Mapping[str, int]) -> dict[File, float]:
    """How much the words of a file's path tell: those that few paths have."""
    count = index.count_files(trees)
    scores: dict[File, float] = defaultdict(float)
    for word in sorted(asked):
        having = index.files_by_path_word(word, trees, _MAX_PATHS)
        if len(having) == _MAX_PATHS:
            continue
        idf = math.log(1 + (count - len(having) + 0.5) / (len(having) + 0.5))
        for file in having:
            scores[file] += idf * math.sqrt(asked[word])
    return scores


def _stems(told: Hints) -> set[str]:
    """Names of the files that a report may name."""
    stems = {path_stem(place.path) for place in (*told.frames, *told.paths)}
    return stems | {part for name in told.dotted for part in name.split(".")}


def _named(file: File, told: Hints, trace: _Trace, tests: Exercised) -> tuple[float, list[str]]:
    """What a file gets because the report names it, as a share of the best function's score, and why."""
    path = file[1]
    if file in trace.apart:
        return _FRAME_APART, [_FRAMED]
    share, reasons = 0.0, []
    if file in trace.inner:
        outward = trace.inner.index(file) / len(trace.inner)
        share += _INNERMOST_FRAME - (_INNERMOST_FRAME - _OUTERMOST_FRAME) * outward
        reasons.append(_FRAMED)
    if not trace.inner and path_stem(path) in tests.subjects and not stands_apart(path):
        share += _SUBJECT
        reasons.append("a test in the stack trace is named for it")
    path_named = max((_named_path(path, named.path) for named in told.paths), default=0.0)
    if path_named:
        share += path_named
        reasons.append("its path is named")
    module = re.sub(r"^(?:src|lib)/|/__init__$", "", path.rpartition(".")[0])
    if "/" in module and any(f"{name.replace('.', '/')}/".startswith(f"{module}/") for name in told.dotted):
        share += _NAMED_MODULE
        reasons.append("its module is named")
    return share, reasons


def _with_lines(index: SourceIndex, trees: Sequence[int], place: Place, told: Hints) -> Place:
    """A place with the lines that the report names in it, and the units that these are in before the others."""
    named = [frame for frame in told.frames if _same_file(place.path, frame.path)]
    named += [path for path in told.paths if _named_path(place.path, path.path)]
    lines = tuple(dict.fromkeys(frame.line for frame in named if frame.line is not None))
    if not lines:
        return place
    units = index.units(place.repo, place.path, trees)
    at_lines = [unit for line in lines if (unit := _innermost(units, line)) is not None]
    rest = [
        unit for unit in place.units if (unit.first_line, unit.name) not in {(u.first_line, u.name) for u in at_lines}
    ]
    return replace(place, units=(*dict.fromkeys(at_lines), *rest), lines=lines)


def _innermost(units: Sequence[UnitHit], line: int) -> UnitHit | None:
    holding = [unit for unit in units if unit.first_line <= line <= unit.last_line]
    return min(holding, key=lambda unit: unit.last_line - unit.first_line, default=None)


def _named_path(path: str, named: str) -> float:
    if not (f"/{path}".endswith(f"/{named}") or f"/{named}".endswith(f"/{path}")):
        return 0.0
    return _NAMED_PATH if "/" in named else _NAMED_FILE_ONLY


def _same_file(path: str, framed: str) -> bool:
    """Whether a frame's path, of whatever machine, is this file: the shorter of both is the end of the other.

    An installed package has other folders above it, so two common parts are enough. A frame that names a class in
    place of a file has no ending.
    """
    if "." not in framed.rpartition("/")[2]:
        path = path.rpartition(".")[0]
    tail = "/".join(path.split("/")[-2:])
    return f"/{framed}".endswith((f"/{path}", f"/{tail}")) or f"/{path}".endswith(f"/{framed}")
