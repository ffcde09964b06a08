"""What a failing test exercises: what its file is named for, and the code of its functions that a trace goes through.

A test's frames say where a fault was met. What has to change is in what the test calls.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from .functions import function_at, functions
from .hints import Frame
from .index import path_stem
from .roots import SourceFile

# How a test's file is named for what it tests: `CartTest`, `TestCart`, `test_cart`, `cart_test`, `cart.spec`, `CartIT`.
_OF_TEST: Final = re.compile(
    r"^(?:test_|Test(?=[A-Z]))|(?:[._-](?:test|spec)s?|Tests?(?:Case)?|TestSuite|Spec|(?<=[a-z])IT)$"
)

TextOf = Callable[[str, str], SourceFile | None]
"""Reads a file by its repo and path; None when it cannot be read."""


@dataclass(frozen=True, slots=True)
class Exercised:
    """What tests exercise: `subjects` are the stems of the files that theirs are named for, `code` is what they run."""

    subjects: frozenset[str]
    code: str


def exercised(met: Iterable[tuple[Frame, str, SourceFile | None]]) -> Exercised:
    """What the tests of frames exercise, each frame with the path and, where it can be read, the text of its file."""
    subjects: set[str] = set()
    pieces: dict[str, None] = {}
    for frame, path, file in met:
        stem = path_stem(path)
        subjects.add(_OF_TEST.sub("", stem))
        function = function_at(functions(file), frame.line or 0, frame.function) if file is not None else None
        if file is not None and function is not None:
            pieces["\n".join(file.lines[function.first - 1 : function.last])] = None
    return Exercised(frozenset(subjects), "\n".join(pieces))
