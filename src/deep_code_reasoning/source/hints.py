"""What a text says outright of where to look: frames of stack traces, paths of files, dotted names of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

# One pattern a family of stack traces. Repetitions are bounded, so that no text takes long.
_PYTHON: Final = re.compile(
    r'File "(?P<path>[^"\n]{1,400})", line (?P<line>\d{1,7})(?:, in (?P<function>[^\s,]{1,200}))?'
)
_JAVA: Final = re.compile(
    r"\bat (?:[\w.@-]{0,100}/{1,2}){0,2}(?P<module>[\w$.]{1,300})\.(?P<function>[\w$<>]{1,200})"
    r"\((?P<path>[\w$]{1,200}\.\w{1,10}):(?P<line>\d{1,7})\)"
)
_INNERMOST_FIRST: Final = (
    re.compile(
        r"\bat (?:async )?(?:(?P<function>[\w$.<>\[\] ]{1,200}) \()?"
        r"(?P<path>[^\s()]{1,400}?):(?P<line>\d{1,7}):\d{1,7}\)?"
    ),  # Node
    re.compile(
        r"\bat (?P<function>[\w.<>`+]{1,300})\([^)\n]{0,400}\) in (?P<path>[^\n]{1,400}?):line (?P<line>\d{1,7})"
    ),  # .NET
    re.compile(r"(?m)^\s{1,20}(?P<path>\S{1,400}\.go):(?P<line>\d{1,7})(?: \+0x[0-9a-f]+)?"),  # Go
    re.compile(r"(?P<path>[^\s:]{1,400}\.rb):(?P<line>\d{1,7}):in [`'](?P<function>[^'\n]{1,200})'"),  # Ruby
    re.compile(r"#\d{1,4} (?P<path>[^\s(]{1,400}\.php)\((?P<line>\d{1,7})\): (?P<function>[\w\\>:-]{1,200})"),  # PHP
    re.compile(r"(?m)^\s{1,20}at (?P<path>\S{1,400}\.rs):(?P<line>\d{1,7})"),  # Rust
)
_CAUSED_BY: Final = re.compile(r"(?m)^Caused by: ")
_PATH: Final = re.compile(
    r"(?<![\w/\\.-])(?P<path>(?:[\w.-]{1,100}[\\/]){0,40}[\w-]{1,100}"
    r"\.(?:py|pyi|[cm]?[jt]sx?|java|kts?|go|cs|rb|php|rs|cc?|cpp|hp?p?|sql|proto|ya?ml|toml|json|xml|properties|vue|tf))\b"
    r"(?::(?P<line>\d{1,7}))?"
)
_DOTTED: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w{0,99}(?:\.[A-Za-z_]\w{0,99}){1,20}")


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a stack trace, or a path, as the text gives it: with `/`; `line` and `function` where it says them."""

    path: str
    line: int | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """What a text names: `frames` with the one that failed first, `paths` and `dotted` names in the text's order."""

    frames: tuple[Frame, ...]
    paths: tuple[Frame, ...]
    dotted: tuple[str, ...]


def hints(text: str) -> Hints:
    """Find what a text names outright; each once.

    A frame is nearer to the fault the further in it is. Python says the innermost last, the others first; of Java's
    `Caused by` the last is the first cause.
    """
    paths = (Frame(found["path"].replace("\\", "/"), _line(found["line"])) for found in _PATH.finditer(text))
    return Hints(
        frames=tuple(dict.fromkeys(_frames(text))),
        paths=tuple(dict.fromkeys(paths)),
        dotted=tuple(dict.fromkeys(_DOTTED.findall(text))),
    )


def _frames(text: str) -> Iterator[Frame]:
    for match in reversed(list(_PYTHON.finditer(text))):
        yield _frame(match)
    for section in reversed(_CAUSED_BY.split(text)):
        for match in _JAVA.finditer(section):
            # The class and the bare name of its file: the package gives the folders.
            yield _frame(match, "/".join([*match["module"].split(".")[:-1], match["path"]]))
    for pattern in _INNERMOST_FIRST:
        for match in pattern.finditer(text):
            yield _frame(match)


def _frame(match: re.Match[str], path: str = "") -> Frame:
    return Frame((path or match["path"]).replace("\\", "/"), _line(match["line"]), match.groupdict().get("function"))


def _line(said: str | None) -> int | None:
    return int(said) if said else None
