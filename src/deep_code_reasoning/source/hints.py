"""What a text says outright of where to look: frames of stack traces, paths of files, dotted names of code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

# One pattern a family of stack traces. Repetitions are bounded, so that no text takes long.
_PYTHON: Final = re.compile(
    r'File "(?P<path>[^"\n]{1,400})", line (?P<line>\d{1,7})(?:, in (?P<function>[^\s,]{1,200}))?'
)
# Java, Kotlin, Scala, Groovy; a Kotlin function may have dashes, and spaces where it is a test.
_JAVA: Final = re.compile(
    r"\bat (?:[\w.@-]{0,100}/{1,2}){0,2}(?P<module>[\w$.]{1,300})\.(?P<function>[\w$<>][\w$<> -]{0,199})"
    r"\((?P<path>[\w$-]{1,200}\.\w{1,10}):(?P<line>\d{1,7})\)"
)
# A frame of Java that is in no file.
_NOWHERE: Final = re.compile(r"\bat [\w$.@/<>-]{1,400}\((?:Native Method|Unknown Source|<generated>)\)")
_INNERMOST_FIRST: Final = (
    re.compile(
        r"\bat (?:async )?(?:(?P<function>[\w$.<>\[\] #]{1,200}) \()?"
        r"(?P<path>[^\s()]{1,400}?):(?P<line>\d{1,7}):\d{1,7}\)?"
    ),  # Node, Chrome, Rust
    re.compile(r"(?m)^\s{0,20}(?P<function>[^\s@]{0,200})@(?P<path>\S{1,400}?):(?P<line>\d{1,7}):\d{1,7}$"),  # Firefox
    re.compile(
        r"\b\w{1,4} (?P<function>[\w.<>`+|]{1,300})(?:\[[^\]\n]{0,200}\])?\([^)\n]{0,400}\) \w{1,5} "
        r"(?P<path>[^\n]{1,400}?):(?:line|Zeile|ligne|línea|linea|linha|строка) (?P<line>\d{1,7})"
    ),  # .NET
    re.compile(
        r"(?m)(?:^(?P<function>[^\s(][^\n]{0,300}?)(?:\([^()\n]{0,300}\))?\r?\n)?^\s{1,20}(?P<path>\S{1,400}\.go)"
        r":(?P<line>\d{1,7})\b"
    ),  # Go
    re.compile(
        r"(?P<path>[^\s:]{1,400}\.(?:rb|rake|erb|haml|slim)):(?P<line>\d{1,7}):in [`'](?P<function>[^'\n]{1,200})'"
    ),  # Ruby
    re.compile(r"\bin (?P<path>[^\s:()]{1,400}\.php)(?: on line |:|\()(?P<line>\d{1,7})"),  # PHP, where it was thrown
    re.compile(r"#\d{1,4} (?P<path>[^\s(]{1,400}\.php)\((?P<line>\d{1,7})\): (?P<function>[^\s(]{1,200})"),  # PHP
    re.compile(r"panicked at (?:'[^\n]{0,400}', )?(?P<path>[^\s:]{1,400}\.rs):(?P<line>\d{1,7})"),  # Rust
)
# What was the cause of what stands before it, and what was caused by it.
_CAUSED_BY: Final = re.compile(r"(?m)^[\s|]{0,20}Caused by: |\[cause\]: ")
_WRAPPED_BY: Final = re.compile(r"(?m)^\s{0,20}Wrapped by: ")
_CAUSED: Final = "The above exception was the direct cause of the following exception"
# A trace that was pasted out of JSON has its line breaks written out.
_ESCAPED_BREAK: Final = re.compile(
    r"(?:\\r)?\\n(?:\\t| ){0,12}(?=(?:at|File|from|in|Caused by:|Wrapped by:|#\d{1,4}) )"
)
_PATH: Final = re.compile(
    r"(?<![\w/\\.-])(?P<path>(?:[\w.-]{1,100}[\\/]){0,40}[\w-]{1,100}"
    r"\.(?:py|pyi|[cm]?[jt]sx?|java|kts?|scala|groovy|go|cs|cshtml|razor|rb|erb|php|rs|swift|exs?|cc?|cpp|hp?p?|sql|proto"
    r"|ya?ml|toml|json|xml|properties|vue|tf))\b(?::(?P<line>\d{1,7}))?"
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

    A frame is nearer to the fault the further in it is. Python says the innermost last, the others first. What a trace
    says to be the cause of another goes before it.
    """
    text = _ESCAPED_BREAK.sub("\n    ", text)
    paths = (Frame(found["path"].replace("\\", "/"), _line(found["line"])) for found in _PATH.finditer(text))
    return Hints(
        frames=tuple(dict.fromkeys(_frames(text))),
        paths=tuple(dict.fromkeys(paths)),
        dotted=tuple(dict.fromkeys(_DOTTED.findall(text))),
    )


def without_frames(text: str, unwanted: Callable[[Frame], bool]) -> str:
    """A text without the frames that are not wanted, and without those that say no place."""

    def kept(match: re.Match[str]) -> str:
        return " " if unwanted(_of_java(match) if match.re is _JAVA else _frame(match)) else match.group()

    text = _NOWHERE.sub(" ", _ESCAPED_BREAK.sub("\n    ", text))
    for pattern in (_PYTHON, _JAVA, *_INNERMOST_FIRST):
        text = pattern.sub(kept, text)
    return text


def _frames(text: str) -> Iterator[Frame]:
    for section in _causes_first(text):
        for match in reversed(list(_PYTHON.finditer(section))):
            yield _frame(match)
        for match in _JAVA.finditer(section):
            yield _of_java(match)
        for pattern in _INNERMOST_FIRST:
            for match in pattern.finditer(section):
                yield _frame(match)


def _causes_first(text: str) -> list[str]:
    """The parts of a trace, each before those that it led to."""
    if _WRAPPED_BY.search(text):
        return _WRAPPED_BY.split(text)
    if _CAUSED in text:
        return text.split(_CAUSED)
    return _CAUSED_BY.split(text)[::-1]


def _of_java(match: re.Match[str]) -> Frame:
    """A frame that gives the class and the bare name of its file: the package gives the folders."""
    return _frame(match, "/".join([*match["module"].split(".")[:-1], match["path"]]))


def _frame(match: re.Match[str], path: str = "") -> Frame:
    place = (path or match["path"]).partition("?")[0].replace("\\", "/")
    return Frame(place, _line(match["line"]), match.groupdict().get("function") or None)


def _line(said: str | None) -> int | None:
    return int(said) if said else None
