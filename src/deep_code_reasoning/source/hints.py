"""What a text says outright of where to look: frames of stack traces, paths of files, dotted names of code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

# One pattern a family of stack traces. Repetitions are bounded, so that no text takes long.
_INNERMOST_LAST: Final = (
    re.compile(
        r'File "(?P<path>[^"\n]{1,400})", line (?P<line>\d{1,7})(?:, in (?P<function>[^\s,]{1,200}))?'
    ),  # Python
    re.compile(
        r"(?m)^(?P<path>[^\s:]{1,400}\.py):(?P<line>\d{1,7}): (?:in (?P<function>\w{1,200})$|[A-Z]\w{0,100}$|$)"
    ),  # pytest
)
# Java, Kotlin, Scala, Groovy; a Kotlin function may have dashes, and spaces where it is a test. Where the compiler was
# told to leave files or lines out, the class is left.
_JAVA: Final = re.compile(
    r"\bat (?:[\w.@-]{0,100}/{1,2}){0,2}(?P<module>[\w$.]{1,300})\.(?P<function>[\w$<>][\w$<> -]{0,199})"
    r"\((?:(?P<path>[\w$-]{1,200}\.\w{1,10})|SourceFile|Unknown Source)(?::(?P<line>\d{1,7}))?\)"
)
# A frame of Java that is in no file.
_NOWHERE: Final = re.compile(r"\bat [\w$.@/<>-]{1,400}\((?:Native Method|<generated>)\)")
_INNERMOST_FIRST: Final = (
    re.compile(
        r"(?m)(?:^\s{0,20}\d{1,4}: (?:0x[0-9a-f]{1,16} - )?(?P<before>[^\n]{1,300})\n\s{1,40})?"
        r"\bat (?:async )?(?:(?P<function>[\w$.<>\[\] #]{1,200}) \()?"
        r"(?P<path>[^\s()]{1,400}?):(?P<line>\d{1,7}):\d{1,7}\)?"
    ),  # Node, Chrome; Rust, which names the function on the line before
    re.compile(
        r"(?m)^\s{0,20}\u276f (?:(?P<function>\S{1,200}) )?(?P<path>[^\s:]{1,400}):(?P<line>\d{1,7}):\d{1,7}$"
    ),  # Vitest
    re.compile(r"(?m)^\s{0,20}(?P<function>[^\s@]{0,200})@(?P<path>\S{1,400}?):(?P<line>\d{1,7}):\d{1,7}$"),  # Firefox
    re.compile(
        r"\b\w{1,4} (?P<function>[\w.<>`+|]{1,300})(?:\[[^\]\n]{0,200}\])?\([^)\n]{0,400}\) \w{1,5} "
        r"(?P<path>[^\n]{1,400}?):(?:line|Zeile|ligne|línea|linea|linha|строка) (?P<line>\d{1,7})"
    ),  # .NET
    re.compile(
        r"(?m)(?:^\s{0,20}(?:created by |--- FAIL: )?(?P<function>[^\s(]\S{0,300}?)"
        r"(?: ?\([^()\n]{0,300}\)| in goroutine \d{1,20})?\r?\n)?^\s{1,20}(?P<path>\S{1,400}\.go):(?P<line>\d{1,7})\b"
    ),  # Go
    re.compile(
        r"(?P<path>[^\s:]{1,400}\.(?:rb|rake|erb|haml|slim)):(?P<line>\d{1,7}):in [`'](?P<function>[^'\n]{1,200})'"
    ),  # Ruby
    re.compile(
        r"(?m)^(?:\w{1,200}#(?P<function>\w{1,200}) \[)?(?P<path>[^\s:\[]{1,400}\.(?:rb|php)):(?P<line>\d{1,7})\]?:?$"
    ),  # minitest, PHPUnit
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
# Tests that runners name: `--- com.acme.CartTest::pays`, `CartTest > pays`, `pays(com.acme.CartTest)`,
# `tests/test_cart.py::TestCart::test_pays`.
_TEST_CLASS: Final = (
    r"(?:[\w$]{1,100}\.){0,20}(?:Test[A-Z]\w{0,100}|\w{1,100}(?:Tests?|TestCase|Spec|IT))(?:\$\w{1,100}){0,5}"
)
_NAMED_TESTS: Final = (
    re.compile(
        rf"(?<![\w$.])(?P<class>{_TEST_CLASS})(?:::|#| > |\.)(?!java\b|kt\b|cs\b|php\b)"
        rf"(?P<function>[a-z_]\w{{0,200}})\b(?!\.)"
    ),
    re.compile(rf"\b(?P<function>\w{{1,200}})\((?P<class>{_TEST_CLASS})\)"),
    re.compile(r"(?P<path>[^\s:]{1,400}\.\w{1,5})::(?:\w{1,200}::){0,5}(?P<function>\w{1,200})"),
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
    """What a text names: `frames` with the one that failed first, `paths` and `dotted` names in the text's order.

    `tests` are those that it says to have failed, without a line; of a class the path is without an ending.
    """

    frames: tuple[Frame, ...]
    tests: tuple[Frame, ...]
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
        tests=tuple(dict.fromkeys(_test(found) for pattern in _NAMED_TESTS for found in pattern.finditer(text))),
        paths=tuple(dict.fromkeys(paths)),
        dotted=tuple(dict.fromkeys(_DOTTED.findall(text))),
    )


def without_frames(text: str, unwanted: Callable[[Frame], bool]) -> str:
    """A text without the frames that are not wanted, and without those that say no place."""

    def kept(match: re.Match[str]) -> str:
        return " " if unwanted(_of_java(match) if match.re is _JAVA else _frame(match)) else match.group()

    text = _NOWHERE.sub(" ", _ESCAPED_BREAK.sub("\n    ", text))
    for pattern in (*_INNERMOST_LAST, _JAVA, *_INNERMOST_FIRST):
        text = pattern.sub(kept, text)
    return text


def _test(match: re.Match[str]) -> Frame:
    named = match.groupdict()
    return Frame(named.get("path") or named["class"].partition("$")[0].replace(".", "/"), None, named["function"])


def _frames(text: str) -> Iterator[Frame]:
    for section in _causes_first(text):
        for pattern in _INNERMOST_LAST:
            for match in reversed(list(pattern.finditer(section))):
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
    """A frame that gives the class and the bare name of its file: the package gives the folders.

    Where it gives no file, the outermost class does, without an ending.
    """
    *folders, kind = match["module"].split(".")
    return _frame(match, "/".join([*folders, match["path"] or kind.partition("$")[0]]))


def _frame(match: re.Match[str], path: str = "") -> Frame:
    place = (path or match["path"]).partition("?")[0].replace("\\", "/")
    named = match.groupdict()
    return Frame(place, _line(match["line"]), named.get("function") or named.get("before") or None)


def _line(said: str | None) -> int | None:
    return int(said) if said else None
