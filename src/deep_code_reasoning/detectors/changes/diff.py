"""Diffs as hunks of lines: unified diffs as git writes them, and the looser forms in which exports quote them.

Format: GNU diffutils' unified format (`--- a/x`, `+++ b/x`, `@@ -1,2 +1,3 @@ heading`), git's extended headers, and
`@@ path @@ heading`, `@@ path: heading`, `@@ heading` and a bare `@@`, as hand-made exports have it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from .hints import without_hints
from .paths import NEVER_RUNS, file_kind, has_extension

_RANGE: Final = re.compile(r"@@+ -\d+(?:,\d+)? \+\d+(?:,\d+)? @@+ ?(.*)")
_NAMED: Final = re.compile(r"@@ ?([^\s:@]*[/.][^\s:@]*)(?: @@|:)? ?(.*)")
_GIT_HEADER: Final = re.compile(
    r"(diff --git |index [0-9a-f]+\.\.|(new|deleted) file mode |old mode |new mode "
    r"|similarity index |rename (from|to) |copy (from|to) |Binary files )"
)
_GIT_PATH: Final = re.compile(r"diff --git \S+ b/(\S+)$")
_SPACE: Final = re.compile(r"\s+")
_TIGHT: Final = re.compile(r"\s*([^\w\s])\s*")

# A diff longer than this is read to here: generated code and vendored trees say nothing more by their length.
MAX_LINES: Final = 20_000
# So is a line longer than people write (minified scripts, data on one line), over which expressions take for ever.
_MAX_LETTERS: Final = 2_000


@dataclass(frozen=True)
class Line:
    """One line of a hunk.

    Attributes:
        sign: `+`, `-` or blank.
        text: the line as it stands.
        code: the same without comments and outer blanks; of a very long line the beginning.
        kept: whether it was removed or added, but stands on the other side too: moved or re-indented.
    """

    sign: str
    text: str
    code: str
    kept: bool = False

    @property
    def is_changed(self) -> bool:
        """Whether its text stands on one side alone."""
        return self.sign != " " and not self.kept

    @property
    def is_gone(self) -> bool:
        """Whether it was removed, and stands nowhere else since."""
        return self.sign == "-" and not self.kept

    @property
    def is_new(self) -> bool:
        """Whether it was added, and stood nowhere else before."""
        return self.sign == "+" and not self.kept

    @cached_property
    def indent(self) -> int:
        """Width of the leading white space, a tab counting as four."""
        expanded = self.text.expandtabs(4)
        return len(expanded) - len(expanded.lstrip())


@dataclass(frozen=True)
class Hunk:
    """A stretch of one file. `is_new_file` when the file did not exist before."""

    path: str
    heading: str
    lines: tuple[Line, ...]
    is_new_file: bool = False

    @cached_property
    def kind(self) -> str:
        """What the file is (see `paths.file_kind`)."""
        return file_kind(self.path)

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        """Removed lines of code that are gone, comments and blank lines aside."""
        return tuple(line for line in self.lines if line.is_gone and line.code)

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """Added lines of code that are new, comments and blank lines aside."""
        return tuple(line for line in self.lines if line.is_new and line.code)

    @cached_property
    def before(self) -> tuple[Line, ...]:
        """The code as it stood: context and removed lines."""
        return tuple(line for line in self.lines if line.sign != "+" and line.code)

    @cached_property
    def after(self) -> tuple[Line, ...]:
        """The code as it stands now: context and added lines."""
        return tuple(line for line in self.lines if line.sign != "-" and line.code)


@dataclass(frozen=True)
class Patch:
    """All hunks of a change, and the paths that it touched (whether or not the diff shows them)."""

    hunks: tuple[Hunk, ...]
    files: tuple[str, ...]

    @cached_property
    def removed(self) -> tuple[Line, ...]:
        """Removed lines of code, of files that run."""
        return tuple(line for hunk in self.running for line in hunk.removed)

    @cached_property
    def added(self) -> tuple[Line, ...]:
        """Added lines of code, of files that run."""
        return tuple(line for hunk in self.running for line in hunk.added)

    @cached_property
    def running(self) -> tuple[Hunk, ...]:
        """Hunks of files that a running service is made of."""
        return tuple(hunk for hunk in self.hunks if hunk.kind not in NEVER_RUNS | {"lock"})


def by_function(hunks: Sequence[Hunk]) -> list[Hunk]:
    """Hunks with those that follow each other in one function joined: the lines between them stay as they are.

    A function is told by the heading that git gives to each hunk of it.
    """
    joined: list[Hunk] = []
    for hunk in hunks:
        last = joined[-1] if joined else None
        if last is not None and hunk.heading and (last.path, last.heading) == (hunk.path, hunk.heading):
            joined[-1] = Hunk(hunk.path, hunk.heading, last.lines + hunk.lines, hunk.is_new_file)
        else:
            joined.append(hunk)
    return joined


def parse_diff(diff: str, files: Sequence[str] = ()) -> Patch:
    """Read a diff.

    Args:
        diff: its text; '' gives a patch without hunks.
        files: the paths that the change touched; they name the file where the diff does not.
    """
    parser = _Parser(files)
    lines = diff.splitlines()[:MAX_LINES]
    for number, line in enumerate(lines):
        parser.take(line, lines[number + 1] if number + 1 < len(lines) else "")
    parser.finish()
    touched = tuple(dict.fromkeys((*files, *(hunk.path for hunk in parser.hunks if hunk.path))))
    return Patch(tuple(_mark_kept(parser.hunks)), touched)


class _Parser:
    def __init__(self, files: Sequence[str]) -> None:
        self.files = tuple(files)
        self.hunks: list[Hunk] = []
        self._path = files[0] if files else ""
        self._heading = ""
        self._lines: list[Line] = []
        self._is_new_file = False

    def take(self, line: str, following: str) -> None:
        if _GIT_HEADER.match(line):
            self.finish()
            if named := _GIT_PATH.match(line):  # the one name that it has where no `---` and `+++` follow
                self._path = named[1]
        elif line.startswith("--- ") and following.startswith("+++ "):
            self.finish()
            self._is_new_file = line[4:].strip() == "/dev/null"
            if not self._is_new_file:
                self._path = _clean_path(line[4:])
        elif line.startswith("+++ ") and not self._lines:
            if line[4:].strip() != "/dev/null":
                self._path = _clean_path(line[4:])
        elif line.startswith("@@"):
            self.finish()
            self._start(line)
        elif not line.startswith("\\"):  # "\ No newline at end of file"
            sign, text = (line[0], line[1:]) if line[:1] in ("+", "-", " ") else (" ", line)
            self._lines.append(Line(sign, text, strip_comment(text[:_MAX_LETTERS], self._path)))

    def finish(self) -> None:
        if self._lines:
            self.hunks.append(Hunk(self._path, self._heading, tuple(self._lines), self._is_new_file))
            self._lines = []

    def _start(self, line: str) -> None:
        match = _RANGE.match(line)
        if match:
            self._heading = match[1]
            return
        named = _NAMED.match(line)
        if named and self._is_path(named[1]):
            self._path, self._heading, self._is_new_file = named[1], named[2], False
        else:
            self._heading = line.strip("@ ")

    def _is_path(self, text: str) -> bool:
        # A heading such as `foo.bar(x) {` has a dot too: a path is one that the change lists, or has a slash
        # and nothing that only code has.
        return text in self.files or ("/" in text and not re.search(r"[()\[\]{}<>=,;*&]", text))


def _clean_path(text: str) -> str:
    path = text.split("\t")[0].strip().strip('"')
    return path[2:] if path[:2] in ("a/", "b/") else path


def normalise(text: str) -> str:
    """A line without what formatters change: spacing, trailing commas and semicolons, quote style."""
    text = _TIGHT.sub(r"\1", _SPACE.sub(" ", text.strip())).rstrip(",;")
    return text.replace("'", '"').replace("`", '"')


_PROSE: Final = re.compile(r"""[a-zA-Z]?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)""")
_WORDED: Final = re.compile(
    r"(?i)raise|throw|error|err\b|panic|warn|fail|message|msg|title|label|text|abort|fatal|assert|"
    r"descri|reason|summary|help|placeholder|caption"
)
_NO_PROSE: Final = re.compile(
    r"(?i)\b(select|insert|update|delete|create|alter|drop)\b.*\b(from|into|set|table|index|where)\b|://|^[\d*/, -]+$"
)


def reworded(code: str) -> str:
    """A line with the wording of its messages taken out, so that two that differ in wording alone are equal."""
    if not _WORDED.search(code):
        return normalise(code)

    def blank(match: re.Match[str]) -> str:
        inner = match[1][1:-1]
        return (
            '""'
            if len(re.findall(r"[A-Za-z]{2,}", inner)) >= 2 and " " in inner and not _NO_PROSE.search(inner)
            else match[0]
        )

    return normalise(_PROSE.sub(blank, code))


def _same_as(line: Line) -> str:
    """What lines that are the same have in common; of one that is read in part, all of it."""
    return reworded(line.code) if len(line.text) <= _MAX_LETTERS else line.text.strip()


def _mark_kept(hunks: Iterable[Hunk]) -> Iterable[Hunk]:
    hunks = tuple(hunks)
    by_path: dict[str, list[Hunk]] = {}
    for hunk in hunks:
        by_path.setdefault(hunk.path, []).append(hunk)
    shared: dict[tuple[str, str], Counter[str]] = {}
    for path, group in by_path.items():
        sides = {
            sign: Counter(_same_as(line) for hunk in group for line in hunk.lines if line.sign == sign) for sign in "+-"
        }
        for sign in "+-":
            shared[path, sign] = sides["+"] & sides["-"]
    for hunk in hunks:
        lines = []
        for line in hunk.lines:
            key = _same_as(line)
            left = shared.get((hunk.path, line.sign))
            if left is not None and left[key] > 0:
                left[key] -= 1
                line = Line(line.sign, line.text, line.code, kept=True)
            lines.append(line)
        yield Hunk(hunk.path, hunk.heading, tuple(_mark_hinted(lines, hunk.path)), hunk.is_new_file)


def _mark_hinted(lines: Sequence[Line], path: str) -> Iterable[Line]:
    """Lines, those kept that only gained hints of types. Frameworks read those of what they decorate."""
    bare = {number: _same_as(line) for number, line in enumerate(lines) if line.is_gone}
    hinted: set[int] = set()
    for number, line in enumerate(lines):
        if line.is_new and bare and not lines[number - 1].code.startswith("@"):
            plain = normalise(without_hints(line.code, path))
            old = next((place for place, text in bare.items() if text == plain), None)
            if old is not None:
                del bare[old]
                hinted.update({old, number})
    return (replace(line, kept=True) if number in hinted else line for number, line in enumerate(lines))


def strip_comment(text: str, path: str) -> str:
    """A line of code without its comment and outer white space; '' when nothing else is there."""
    stripped = text.strip()
    markers = _comment_markers(path)
    if not stripped or stripped.startswith((*markers, "/*", "* ", "*/", "<!--", '"""', "'''")) or stripped == "*":
        return ""
    quote = ""
    for index, letter in enumerate(stripped):
        if quote:
            if letter == quote and stripped[index - 1] != "\\":
                quote = ""
        elif letter in "\"'`":
            quote = letter
        elif stripped.startswith(markers, index) and stripped[index - 1].isspace():
            return stripped[:index].rstrip()
    return stripped


_HASH_COMMENTS: Final = tuple("py rb sh yaml yml toml conf cfg env ex exs pl r tf properties ini".split())


def _comment_markers(path: str) -> tuple[str, ...]:
    if has_extension(path, "sql", "ddl", "lua", "hs", "elm"):
        return ("--",)
    named = path.rsplit("/", 1)[-1].startswith(("Dockerfile", "Makefile", "Gemfile"))
    if named or has_extension(path, *_HASH_COMMENTS):
        return ("#",)
    if has_extension(path, "json", "md", "txt", "css", "html"):
        return ("//",) if has_extension(path, "json") else ()
    return ("//",) if not has_extension(path, "php") else ("//", "#")


_NEW_FILE: Final = re.compile(r"^\+\+\+ (?:b/)?(\S+)")
_NEW_RANGE: Final = re.compile(r"^@@+ -\d+(?:,\d+)? \+(\d{1,9})")


def numbered_lines(diff: str) -> list[tuple[str, int, str]]:
    """Lines that a unified diff adds, with file and number; then those that it removes, where they stood."""
    found: list[tuple[str, int, str]] = []
    removed: list[tuple[str, int, str]] = []
    path, number = "", 0
    for line in diff.splitlines()[:MAX_LINES]:
        if match := _NEW_FILE.match(line):
            path = match[1]
        elif match := _NEW_RANGE.match(line):
            number = int(match[1])
        elif line.startswith(("+", "-")) and not line.startswith("---"):
            (found if line[0] == "+" else removed).append((path, number, line[1:].strip()))
            number += line[0] == "+"
        else:
            number += 1
    return found + removed
