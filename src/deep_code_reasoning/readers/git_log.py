"""Commits as `git log` and `git show` print them, saved to a file: in any of git's long formats, with diffs or not.

A commit begins with `commit HASH`, and all that git writes of it up to the next one is indented or begins otherwise:
its message by four blanks, its diff with a sign. Which repository it is of nothing says. Source: git-log(1), "PRETTY
FORMATS" and "DIFF FORMATTING".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..store.writer import CaseWriter
from .base import EvidenceFile, Head, Line, Reader, iterate_lines
from .change_records import paths_of
from .git_repository import MAX_DIFF_BYTES
from .json_source import not_utf8
from .log_times import read_time

_BEGINS: Final = "commit "
_COMMIT: Final = re.compile(r"commit ([0-9a-f]{7,64})(?: \(.*\))?\s*")
_HEADER: Final = re.compile(r"(Author|Date|AuthorDate|Commit|CommitDate|Merge):\s+(.+)")
_PERSON: Final = re.compile(r"(.*?)\s*<([^>]*)>")
# What stands of files beside a diff: `--name-status`, `--raw`, `--stat`, `--name-only`.
_FILE: Final = re.compile(
    r"(?::\d{6} \d{6} [0-9a-f]+\.* [0-9a-f]+\.* )?[ACDMRTUX]\d*\t(?:.*\t)?(?P<status>.+)"
    r"| (?P<stat>\S.*?) +\| +(?:\d+|Bin)\b.*|(?P<name>\S*[./]\S*)"
)
_DIFF: Final = re.compile(r"diff --|--- ")


@dataclass(slots=True)
class _Commit:
    """One commit as far as it is read."""

    sha: str
    line: Line
    headers: dict[str, str] = field(default_factory=dict)
    message: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    diff: list[str] = field(default_factory=list)
    size: int = 0
    bare: bool = True

    def take(self, text: str) -> None:
        """Take a line that belongs to it."""
        if self.diff or _DIFF.match(text):
            self.size += len(text) + 1
            if self.size <= MAX_DIFF_BYTES:
                self.diff.append(text)
        elif self.bare and (header := _HEADER.fullmatch(text)):
            self.headers[header[1]] = header[2].strip()
        elif text.startswith("    ") and not self.files:
            self.bare = False
            self.message.append(text[4:])
        elif file := _FILE.fullmatch(text):
            self.files.append(file["status"] or file["stat"] or file["name"])
        elif not text and self.message and not self.files:
            self.message.append("")

    def row(self, source_id: int) -> dict[str, Any] | None:
        """Its row of `changes`; None where nothing says when it was made."""
        time = read_time(self.headers.get("CommitDate") or self.headers.get("Date") or self.headers.get("AuthorDate"))
        if time is None:
            return None
        person = _PERSON.fullmatch(self.headers.get("Author", ""))
        while self.diff and not self.diff[-1].strip():
            self.diff.pop()
        diff = "\n".join((*self.diff, "")) if self.diff else ""
        told = {
            "author.email": person[2] if person else "",
            "parents": self.headers.get("Merge", ""),
            "diff.bytes": str(self.size) if self.size > MAX_DIFF_BYTES else "",
        }
        return {
            "kind": "commit",
            "id": self.sha,
            "commit_sha": self.sha,
            "time_ns": time[0],
            "author": person[1] if person else self.headers.get("Author", ""),
            "message": "\n".join(self.message).strip(),
            "files": paths_of(diff) or list(dict.fromkeys(self.files)),
            "diff": diff,
            "attributes": {name: text for name, text in told.items() if text},
            "source_id": source_id,
            "line": self.line.number,
            "item": 0,
        }


def sniff(head: Head) -> float:
    """It begins with a commit, whose author and date follow."""
    lines = head.lines[:6]
    if not lines or not _COMMIT.fullmatch(lines[0].lstrip("\ufeff")):
        return 0.0
    named = {found[1] for line in lines[1:] if (found := _HEADER.fullmatch(line))}
    return 0.97 if "Author" in named and named & {"Date", "AuthorDate", "CommitDate"} else 0.0


def read(files: Sequence[EvidenceFile], writer: CaseWriter) -> None:
    """Read commits, one at a time; what stands before the first, and a commit without a date, is rejected."""
    for file in files:
        for commit in _commits(file, writer):
            row = commit.row(file.source_id)
            if row is None:
                writer.reject(file.source_id, commit.line.number, "without a date", commit.sha, commit.line.offset)
            else:
                writer.rows("changes", [row])


def _commits(file: EvidenceFile, writer: CaseWriter) -> Iterator[_Commit]:
    """The commits; of one whose first line is broken nothing is kept, so that it adds nothing to the one before."""
    commit: _Commit | None = None
    lost = False
    for line in iterate_lines(file, writer):
        text, reason = _text_of(line)
        begins = _COMMIT.fullmatch(text)
        if text.startswith(_BEGINS):
            if commit is not None:
                yield commit
            commit = _Commit(begins[1], line) if begins and not reason else None
            lost = commit is None
            reason = reason or ("" if begins else "a commit's hash expected")
        elif commit is not None and not reason:
            commit.take(text)
        elif not lost and text.strip():
            reason = reason or "of no commit"
        if reason:
            writer.reject(file.source_id, line.number, reason, text[:200], line.offset)
    if commit is not None:
        yield commit


def _text_of(line: Line) -> tuple[str, str]:
    """A line as text, and the reason why it is none, or ''."""
    data = line.data.removeprefix(b"\xef\xbb\xbf") if line.number == 1 else line.data
    try:
        return data.decode("utf-8").rstrip("\r\n"), ""
    except UnicodeDecodeError as fault:
        return data.decode("utf-8", "replace"), not_utf8(fault)


READER = Reader("git-log", "changes", sniff, read)
