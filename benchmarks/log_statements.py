"""Log lines back to their statements: `python benchmarks/log_statements.py FOLDER...`, of Python projects.

Python's own `ast` finds the calls of loggers whose text is a literal, a `%` or `+` of one, an f-string or `.format`;
tests and the like apart. Each is written with made-up values as the logging module would, and has to be found again:
path and first line. It is asked with the logger's name (the module's), as a log record has it, and without. Statements
whose text is nothing but values say nothing and are counted apart.

`--next FOLDER...` gives a neighbouring release of each project: what ran is the first, what is at hand the second. A
line has to lead to its statement in the second: found there by its text, or found in the first and re-anchored by the
diff. Which statement that is, `ast` says: that of the same text, in the same function of the same file, the same one of
several. Statements that the second has no more, or with another text, are counted apart.
"""

from __future__ import annotations

import argparse
import ast
import random
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.anchors import moved_line
from deep_code_reasoning.source.apart import stands_apart
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.telemetry import log_origins

_METHODS = {"debug", "info", "warning", "warn", "error", "critical", "exception", "fatal", "log"}
_PLACEHOLDER = re.compile(r"%%|%(?:\(\w+\))?[-#0 +]*\d*(?:\.\d+)?[a-zA-Z]")
_VALUES = ("17", "/var/lib/data", "None", "some value", "ValueError('x')", "node-7", "3.25", "a, b", "[1, 2]")


def main() -> int:
    """Print how many lines of each folder lead to their statement, and to it alone."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--wrong", action="store_true", help="list the lines whose first statement is another")
    parser.add_argument("--next", type=Path, nargs="+", default=[], help="a neighbouring release of each")
    options = parser.parse_args()
    for folder in options.folders:
        _measure(folder, options.wrong)
    for folder, following in zip(options.folders, options.next, strict=bool(options.next)):
        _measure_next(folder, following, options.wrong)
    return 0


def _measure_next(folder: Path, following: Path, say_wrong: bool) -> None:
    roots = Roots([folder, following])
    then, now = roots.names
    there = {identity: at for at, identity, _ in _statements(following, random.Random(7))}
    right = {"by its text": 0, "re-anchored": 0}
    lines = moved = gone = 0
    with tempfile.TemporaryDirectory() as place, SourceIndex(Path(place, "index.db")) as index:
        trees = {name: index.add_folder(name, roots).tree for name in roots.names}
        for (path, line), identity, text in _statements(folder, random.Random(7)):
            if not any(map(str.isalpha, re.sub("\0[^\0]*\0", "", text))):
                continue
            if identity not in there:
                gone += 1
                continue
            lines += 1
            moved += there[identity] != (path, line)
            logger = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            message = text.replace("\0", "")
            found = {
                "by its text": [(hit.path, hit.line) for hit in log_origins(index, [trees[now]], message, logger, 1)],
                "re-anchored": [
                    (hit.path, moved_line(_lines(folder, hit.path), _lines(following, hit.path), hit.line))
                    for hit in log_origins(index, [trees[then]], message, logger, 1)
                ],
            }
            for name, places in found.items():
                right[name] += places == [there[identity]]
                if say_wrong and places != [there[identity]]:
                    print(f"{path}:{line} {name}: {message!r} leads to {places}", file=sys.stderr)
    shares = ", ".join(f"{name} {100 * count / max(1, lines):.1f} %" for name, count in right.items())
    counts = f"{lines} lines, {moved} at another place"
    print(f"{folder.name} to {following.name}: {counts}; {shares}; {gone} have no successor")


@lru_cache(maxsize=100)
def _lines(folder: Path, path: str) -> list[str]:
    place = folder / path
    return place.read_text(encoding="utf-8", errors="replace").split("\n") if place.is_file() else []


def _measure(folder: Path, say_wrong: bool) -> None:
    roots = Roots([folder])
    right = {"with the logger": 0, "without": 0, "with a prefix": 0}
    lines = only_values = 0
    with tempfile.TemporaryDirectory() as place, SourceIndex(Path(place, "index.db")) as index:
        tree = index.add_folder(roots.names[0], roots).tree
        for path, line, text in _written(folder, random.Random(7)):
            if not any(map(str.isalpha, re.sub("\0[^\0]*\0", "", text))):
                only_values += 1
                continue
            lines += 1
            message = text.replace("\0", "")
            logger = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
            prefixed = f"2026-11-25 10:00:00,123 INFO [{logger}] {message}"
            asked = {
                "with the logger": (message, logger),
                "without": (message, ""),
                "with a prefix": (prefixed, logger),
            }
            for name, (said, named) in asked.items():
                found = [(hit.path, hit.line) for hit in log_origins(index, [tree], said, named, limit=1)]
                right[name] += found == [(path, line)]
                if say_wrong and found != [(path, line)]:
                    print(f"{path}:{line} {name}: {message!r} leads to {found}", file=sys.stderr)
    shares = ", ".join(f"{name} {100 * count / max(1, lines):.1f} %" for name, count in right.items())
    print(f"{folder.name}: {lines} lines; {shares}; {only_values} of nothing but values")


def _statements(folder: Path, rng: random.Random) -> Iterator[tuple[tuple[str, int], tuple[object, ...], str]]:
    """(path, line), what makes a statement the same one in another release, and message of every log statement."""
    seen: Counter[tuple[object, ...]] = Counter()
    for path, line, text in _written(folder, rng):
        functions = _functions(folder, path)
        around = [name for name, first, last in functions if first <= line <= last]
        constant = re.sub("\0[^\0]*\0", "\0", text)
        seen[path, tuple(around), constant] += 1
        yield (path, line), (path, tuple(around), constant, seen[path, tuple(around), constant]), text


@lru_cache(maxsize=100)
def _functions(folder: Path, path: str) -> list[tuple[str, int, int]]:
    """(name, first line, last line) of the functions and classes of a file, the outer ones first."""
    tree = ast.parse((folder / path).read_text(encoding="utf-8"))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return [(node.name, node.lineno, node.end_lineno or 0) for node in ast.walk(tree) if isinstance(node, kinds)]


def _written(folder: Path, rng: random.Random) -> Iterator[tuple[str, int, str]]:
    """(path, line, message) of every log statement, in order; values stand between null characters."""
    for path in sorted(folder.rglob("*.py")):
        if stands_apart(path.relative_to(folder).as_posix()):
            continue
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, UnicodeDecodeError):
            continue
        calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
        for node in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
            argument = _argument(node)
            text = _text(argument, rng) if argument is not None else None
            if text is not None:
                yield path.relative_to(folder).as_posix(), node.lineno, text.strip()


def _argument(call: ast.Call) -> ast.expr | None:
    """What a call of a logger says; None when it is no such call."""
    called = call.func
    if not isinstance(called, ast.Attribute) or called.attr not in _METHODS:
        return None
    arguments = call.args[1:] if called.attr == "log" else call.args
    return arguments[0] if arguments and re.search("(?i)log", ast.unparse(called.value)) else None


def _text(node: ast.expr, rng: random.Random) -> str | None:
    """What an expression writes, or None when it is no text that the statement itself says."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return _PLACEHOLDER.sub(
            lambda found: "%" if found.group() == "%%" else f"\0{rng.choice(_VALUES)}\0", node.value
        )
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else f"\0{rng.choice(_VALUES)}\0" for part in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        return _text(node.left, rng)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _text(node.left, rng), _text(node.right, rng)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        text = _text(node.func.value, rng)
        return None if text is None else re.sub(r"\{[^{}]*\}", lambda _: f"\0{rng.choice(_VALUES)}\0", text)
    return None


if __name__ == "__main__":
    raise SystemExit(main())
