"""What a text says outright of where to look: frames of stack traces, paths of files, dotted names, names of code."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# One pattern a family of stack traces; each names `path` or `module`, and may name `line` and `function`.
_FRAMES: Final = (
    re.compile(r'File "(?P<path>[^"\n]+)", line (?P<line>\d+)(?:, in (?P<function>[^\s,]+))?'),  # Python
    re.compile(r"\bat (?P<module>[\w$.]+)\.(?P<function>[\w$<>]+)\((?P<path>[\w$]+\.\w+):(?P<line>\d+)\)"),  # Java
    re.compile(r"\bat (?:(?:async )?(?P<function>[\w$.<>\[\] ]+) \()?(?P<path>[^\s()]+?):(?P<line>\d+):\d+\)?"),  # Node
    re.compile(r"\bat (?P<function>[\w.<>`+]+)\([^)\n]*\) in (?P<path>[^\n]+?):line (?P<line>\d+)"),  # .NET
    re.compile(r"(?m)^\s+(?P<path>\S+\.go):(?P<line>\d+)(?: \+0x[0-9a-f]+)?"),  # Go
    re.compile(r"(?P<path>[^\s:]+\.rb):(?P<line>\d+):in [`'](?P<function>[^'\n]+)'"),  # Ruby
    re.compile(r"#\d+ (?P<path>[^\s(]+\.php)\((?P<line>\d+)\): (?P<function>[\w\\>:-]+)"),  # PHP
    re.compile(r"(?m)^\s+at (?P<path>\S+\.rs):(?P<line>\d+)"),  # Rust
)
_PATH: Final = re.compile(
    r"(?<![\w/.-])(?:[\w.-]+[\\/])*[\w-]+\.(?:py|pyi|[cm]?[jt]sx?|java|kts?|go|cs|rb|php|rs|cc?|cpp|hp?p?|sql|proto|ya?ml|toml|json|xml|properties|vue|tf)\b(?::(?P<line>\d+))?"
)
_DOTTED: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame of a stack trace as the text gives it; `line` and `function` where it does."""

    path: str
    line: int | None = None
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Hints:
    """What a text names. `frames` are in the text's order; `paths` are with `/`; `dotted` are names with dots."""

    frames: tuple[Frame, ...]
    paths: tuple[str, ...]
    dotted: tuple[str, ...]


def hints(text: str) -> Hints:
    """Find what a text names outright; each once, in the order of the text."""
    frames = [(match.start(), _frame(match)) for pattern in _FRAMES for match in pattern.finditer(text)]
    in_order = [frame for _, frame in sorted(frames, key=lambda item: item[0])]
    return Hints(
        frames=tuple(dict.fromkeys(in_order)),
        paths=tuple(
            dict.fromkeys(match.group().partition(":")[0].replace("\\", "/") for match in _PATH.finditer(text))
        ),
        dotted=tuple(dict.fromkeys(_DOTTED.findall(text))),
    )


def _frame(match: re.Match[str]) -> Frame:
    found = match.groupdict()
    path = found["path"].replace("\\", "/")
    module = found.get("module")
    if module:  # Java says the class and the bare file: the package gives the folders
        path = "/".join([*module.split(".")[:-1], path])
    return Frame(path, int(found["line"]), found.get("function"))
