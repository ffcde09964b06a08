"""File recall on labelled issues: `python benchmarks/localization.py --data DIR` with swebench-dev.jsonl in it.

For each issue the source is the package's last release before the issue was written (see localization_corpus.py); the
issue's text alone is the question. A file counts as found at k when one of the files that the fix edited is among the
first k. Plain BM25 over whole files without tests, with the same words, runs beside it; chance is what a random
order gives. Issues whose edited files the release does not have stay in: nobody can find them.

Then what of the edited lines is among those that are chosen under a budget of tokens, beside whole files in the same
order: the share of issues with all of them, for all issues and for those with one edited file (as all of SWE-bench Lite
are), and the mean share of an issue's edited lines. The lines are those of the issue's commit, which in a release
before it stand a little elsewhere: whole files don't feel that, functions do.

`--aider PYTHON` runs aider's repository map as a third peer, by an interpreter that has it (see aider_map.py).
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from deep_code_reasoning.app.localise import reader
from deep_code_reasoning.domain.tokens import estimate_tokens
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.apart import stands_apart
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.localise import Place, localise
from deep_code_reasoning.source.roots import SourcePath
from deep_code_reasoning.source.selection import Candidate, Lead, select_lines
from deep_code_reasoning.source.words import words
from localization_corpus import Issue, load_issues

_AT = (1, 5, 20)
_BUDGETS = (8_000, 32_000, 64_000, 128_000)
# Files that may be chosen from; more never fit.
_PACKED_FILES = 60


@dataclass
class Score:
    """How many issues have the first, and how many all, of their edited files among the first k."""

    any_at: Counter[int]
    all_at: Counter[int]
    issues: int = 0

    def add(self, order: Sequence[str], gold: Sequence[str]) -> None:
        """Take one issue's ranking."""
        places = [order.index(path) if path in order else math.inf for path in gold]
        self.issues += 1
        for k in _AT:
            self.any_at[k] += min(places) < k
            self.all_at[k] += max(places) < k

    def row(self, name: str) -> str:
        """One line of the table, in percent."""
        cells = [100 * found[k] / self.issues for found in (self.any_at, self.all_at) for k in _AT]
        return f"{name:24}" + "".join(f"{cell:8.1f}" for cell in cells)


class Packed:
    """What of the edited lines is in the code that is chosen under each budget, issue by issue."""

    def __init__(self) -> None:
        self._shares: dict[tuple[str, int], list[tuple[float, bool]]] = {}

    def add(self, issue: Issue, candidates: Sequence[Candidate]) -> None:
        """Take one issue's files, the likeliest first."""
        lead = Lead(issue.text, tuple(candidates))
        for budget in _BUDGETS:
            lines = {file.path: file.lines.keys() for file in select_lines(lead, budget, _tokens)}
            for way, chosen in (("chosen lines", lines), ("whole files", _whole_files(candidates, budget))):
                share = _share(chosen, issue, candidates)
                self._shares.setdefault((way, budget), []).append((share, len(issue.gold) == 1))

    def table(self) -> str:
        """A row a way to choose, in percent."""
        rows = [f"{'':24}" + f"{'all lines, all issues':>28}{'all lines, one file':>28}{'mean share of lines':>28}"]
        rows.append(f"{'':24}" + "".join(f"{budget // 1000:6}K" for _ in range(3) for budget in _BUDGETS))
        for way in ("chosen lines", "whole files"):
            found = [self._shares[way, budget] for budget in _BUDGETS]
            cells = [_mean([share == 1 for share, _ in issues]) for issues in found]
            cells += [_mean([share == 1 for share, single in issues if single]) for issues in found]
            cells += [_mean([share for share, _ in issues]) for issues in found]
            rows.append(f"{way:24}" + "".join(f"{100 * cell:7.1f}" for cell in cells))
        return "\n".join(rows)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / max(1, len(values))


def _share(chosen: Mapping[str, Collection[int]], issue: Issue, candidates: Sequence[Candidate]) -> float:
    """The share of an issue's edited lines that are chosen."""
    length = {candidate.place.path: len(candidate.lines) for candidate in candidates}
    found = [
        path in chosen and min(line, length[path]) in chosen[path] for path in issue.gold for line in issue.gold[path]
    ]
    return sum(found) / len(found)


def _whole_files(candidates: Sequence[Candidate], budget: int) -> dict[str, set[int]]:
    chosen = {}
    for candidate in candidates:
        size = sum(_tokens(line) + 1 for line in candidate.lines)
        if size <= budget:
            chosen[candidate.place.path] = set(range(1, len(candidate.lines) + 1))
            budget -= size
    return chosen


@lru_cache(maxsize=200_000)
def _tokens(line: str) -> int:
    return estimate_tokens(line)


class PlainBm25:
    """Whole files ranked by BM25 (k1 1.2, b 0.75): the peer."""

    def __init__(self, root: Path) -> None:
        paths = [path for path in sorted(root.rglob("*.py")) if not stands_apart(path.relative_to(root).as_posix())]
        self._files = {
            path.relative_to(root).as_posix(): Counter(words(path.read_text(encoding="utf-8", errors="replace")))
            for path in paths
        }
        self._having = Counter(word for file in self._files.values() for word in file)
        self._mean = sum(map(Counter.total, self._files.values())) / max(1, len(self._files))

    @property
    def paths(self) -> list[str]:
        """The files that are ranked."""
        return list(self._files)

    def rank(self, text: str) -> list[str]:
        """All files, best first."""
        asked = Counter(words(text))
        return sorted(self._files, key=lambda path: (-self._score(self._files[path], asked), path))

    def _score(self, file: Counter[str], asked: Mapping[str, int]) -> float:
        length = file.total() / self._mean
        total = 0.0
        for word in asked:
            if word in file:
                having = self._having[word]
                idf = math.log(1 + (len(self._files) - having + 0.5) / (having + 0.5))
                total += idf * file[word] * 2.2 / (file[word] + 1.2 * (0.25 + 0.75 * length))
        return total


class AiderMap:
    """Aider's repository map over the same files, in a process of its own: the other peer."""

    def __init__(self, interpreter: Path) -> None:
        script = Path(__file__).with_name("aider_map.py")
        self._process = subprocess.Popen(
            [str(interpreter), str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def rank(self, root: Path, paths: Sequence[str], text: str) -> list[str]:
        """All files, best first."""
        if self._process.stdin is None or self._process.stdout is None:
            raise RuntimeError("aider's process has no pipes")
        self._process.stdin.write(json.dumps({"root": str(root), "files": list(paths), "text": text}) + "\n")
        self._process.stdin.flush()
        ranked: list[str] = json.loads(self._process.stdout.readline())
        return ranked


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--cache", type=Path, default=Path(tempfile.gettempdir(), "dcr-localization"))
    parser.add_argument("--aider", type=Path, help="an interpreter that has aider-chat")
    parser.add_argument("--wrong", action="store_true", help="list the issues whose first file is wrong")
    options = parser.parse_args()
    issues = [issue for issue in load_issues(options.data / "swebench-dev.jsonl", options.cache) if issue.gold]
    ours, plain, theirs = (Score(Counter(), Counter()) for _ in range(3))
    packed = Packed()
    aider = AiderMap(options.aider) if options.aider else None
    query_s: list[float] = []
    chance = 0.0
    for root in sorted({issue.root for issue in issues}):
        peer = PlainBm25(root)
        with tempfile.TemporaryDirectory() as folder, SourceIndex(Path(folder, "index.db")) as index:
            roots = Roots([root])
            tree = index.add_folder(roots.names[0], roots).tree
            for issue in (issue for issue in issues if issue.root == root):
                started = time.perf_counter()
                places = localise(index, [tree], issue.text, limit=100, text_of=reader(roots))
                query_s.append(time.perf_counter() - started)
                _take(ours, issue, [place.path for place in places], options.wrong)
                packed.add(issue, [_candidate(index, tree, roots, place) for place in places[:_PACKED_FILES]])
                ranked = peer.rank(issue.text)
                plain.add(ranked, list(issue.gold))
                if aider is not None:
                    theirs.add(aider.rank(root, peer.paths, issue.text), list(issue.gold))
                chance += min(1.0, len(issue.gold) / max(1, len(ranked)))
    print(f"{ours.issues} issues; percent with {'an edited file':>16} | all of them among the first")
    print(f"{'':24}" + "".join(f"{k:8}" for k in (*_AT, *_AT)))
    print(ours.row("deep-code-reasoning"))
    print(plain.row("plain BM25"))
    if aider is not None:
        print(theirs.row("aider's repository map"))
    print(f"{'chance':24}{100 * chance / ours.issues:8.1f}")
    print("\npercent of the edited lines in so many tokens")
    print(packed.table())
    print(
        f"median query {1000 * sorted(query_s)[len(query_s) // 2]:.0f} ms, slowest {max(query_s):.2f} s; "
        f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB"
    )
    return 0


def _candidate(index: SourceIndex, tree: int, roots: Roots, place: Place) -> Candidate:
    lines = roots.read(SourcePath(place.repo, place.path)).lines
    return Candidate(place, lines, index.units(place.repo, place.path, [tree]))


def _take(score: Score, issue: Issue, order: Sequence[str], say_wrong: bool) -> None:
    score.add(order, list(issue.gold))
    if say_wrong and order[0] not in issue.gold:
        print(f"{issue.id}: {order[0]} instead of {', '.join(issue.gold)}", file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
