"""Commits of a git repository: author, time, message, files and diffs, read with the git command line."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any, Final

from ..domain.instant import NS_PER_S, format_instant
from ..source.git import git
from ..store.writer import CaseWriter

# Enough for months of a busy repository; what is older rarely broke today.
MAX_COMMITS: Final = 5_000
# Longer diffs are vendored code, generated files or reformatting; their beginning still says so.
MAX_DIFF_BYTES: Final = 1_000_000
_MAX_DIFF_BYTES_IN_ALL: Final = 256_000_000
_MAX_MESSAGE_BYTES: Final = 100_000
MAX_TAGS: Final = 100_000
_LINE_BYTES: Final = 65_536
_ROWS_AT_ONCE: Final = 200

_BEGIN: Final = b"\0\1commit\0"
_END: Final = b"\0\2\n"
_FORMAT: Final = "%x00%x01commit%x00%H%x00%P%x00%an%x00%ae%x00%ct%x00%at%x00%B%x00%x02"
_LOG: Final = (
    "log", f"--format={_FORMAT}", "--patch-with-raw", "--diff-merges=first-parent", "--no-ext-diff", "--no-textconv",
    "--no-color", "--no-show-signature", "--find-renames", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short",
    "--date-order",
)  # fmt: skip
# By the commit, also where a tag is an object of its own, which names it.
_TAGS: Final = ("for-each-ref", "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) "
                "%(refname:lstrip=2)", "refs/tags")  # fmt: skip
# `:100644 100644 5716ca5 7898192 M<TAB>path`, and for renames both paths.
_RAW: Final = re.compile(rb":\d{6} \d{6} [0-9a-f]+\.* [0-9a-f]+\.* [A-Z]\d*\t(.+)")


def read_repository(
    path: Path,
    repo_name: str,
    writer: CaseWriter,
    since_ns: int | None = None,
    until_ns: int | None = None,
    source_id: int = 0,
) -> None:
    """Write the commits that lead to HEAD, the newest first, to the table `changes`.

    At most 5,000 commits and 1 MB of diff a commit are kept; the source's note says what is missing. A folder inside a
    repository stands for the commits that touched it. What is no repository, or a broken one, gives a rejected row
    and a note.

    Args:
        path: the repository's folder, or one inside it.
        repo_name: what it is called in the rows.
        writer: takes rows, rejected rows and notes.
        since_ns: leave out commits before this instant (committer's time).
        until_ns: leave out commits after this instant.
        source_id: the source's number in the case.
    """
    with git(path, ["rev-parse", "--show-prefix"]) as asked:
        prefix = asked.output.read().strip()
    if asked.fault:
        no_repository = "not a git repository" in asked.fault
        _refuse(
            writer, source_id, "no git repository: give the folder that holds .git" if no_repository else asked.fault
        )
        return
    arguments = [*_LOG, f"--max-count={MAX_COMMITS}"]
    if since_ns is not None:
        arguments.append(f"--since=@{since_ns // NS_PER_S}")
    if until_ns is not None:
        arguments.append(f"--until=@{-(-until_ns // NS_PER_S)}")
    reading = _Reading(repo_name, source_id, _tags_of(path))
    with git(path, [*arguments, "--", "."] if prefix else arguments) as process:
        rows: list[dict[str, Any]] = []
        for commit in reading.commits(process.output):
            rows.append(commit)
            if len(rows) >= _ROWS_AT_ONCE:
                writer.rows("changes", rows)
                rows.clear()
        writer.rows("changes", rows)
    if process.fault:
        word = "partial" if reading.count else "not read"
        _refuse(writer, source_id, process.fault, f"{word}: {process.fault}")
    for note in reading.notes():
        writer.note(source_id, note)


def _refuse(writer: CaseWriter, source_id: int, reason: str, note: str = "") -> None:
    writer.reject(source_id, 0, reason)
    writer.note(source_id, note or f"not read: {reason}")


def _tags_of(path: Path) -> dict[str, list[str]]:
    """The names of tags by the commits that bear them, the first of very many."""
    found: dict[str, list[str]] = defaultdict(list)
    with git(path, _TAGS) as process:
        for line in islice(process.output, MAX_TAGS):
            sha, _, tag = line.decode("utf-8", "replace").rstrip("\n").partition(" ")
            found[sha].append(tag)
    return found


@dataclass
class _Reading:
    """Cuts git's output into commits."""

    repo: str
    source_id: int
    tags: Mapping[str, Sequence[str]]
    count: int = 0
    cut_diffs: int = 0
    diff_bytes: int = 0
    _files: list[str] = field(default_factory=list)
    _diff: list[bytes] = field(default_factory=list)
    _size: int = 0

    def commits(self, output: IO[bytes]) -> Iterator[dict[str, Any]]:
        """The rows of the commits, one after the other; a commit is held whole, the log is not."""
        header = b""
        waiting = b""
        at_start = True
        while line := output.readline(_LINE_BYTES):
            starts, at_start = at_start, line.endswith(b"\n")
            if starts and line.startswith(_BEGIN):
                if header:
                    yield self._row(header)
                header, waiting = b"", line[len(_BEGIN) :]
            elif waiting:
                waiting += line if len(waiting) < _MAX_MESSAGE_BYTES or _END in line else b""
            else:
                self._take(line)
            if waiting and waiting.endswith(_END):
                header, waiting = waiting[: -len(_END)], b""
        if header:
            yield self._row(header)

    def _take(self, line: bytes) -> None:
        raw = _RAW.match(line) if not self._diff and line.startswith(b":") else None
        if raw is not None:
            self._files.append(_unquoted(raw[1].rpartition(b"\t")[2]))
        elif self._diff or line.startswith(b"diff "):
            self._size += len(line)
            if self._size <= MAX_DIFF_BYTES and self.diff_bytes + self._size <= _MAX_DIFF_BYTES_IN_ALL:
                self._diff.append(line)
            elif not self._diff:
                self._diff.append(b"")

    def _row(self, header: bytes) -> dict[str, Any]:
        sha, parents, name, email, committed, authored, message = header.decode("utf-8", "replace").split("\0", 6)
        diff = b"".join(self._diff).decode("utf-8", "replace")
        attributes = {"author.email": email, "author.time": format_instant(int(authored) * NS_PER_S)}
        if len(parents.split()) > 1:
            attributes["parents"] = parents
        if sha in self.tags:
            attributes["tags"] = ", ".join(self.tags[sha])
        if self._size > len(b"".join(self._diff)):
            self.cut_diffs += 1
            attributes["diff.bytes"] = str(self._size)
        self.diff_bytes += len(diff)
        self.count += 1
        files, self._files, self._diff, self._size = self._files, [], [], 0
        return {
            "kind": "commit",
            "id": sha,
            "commit_sha": sha,
            "time_ns": int(committed) * NS_PER_S,
            "repo": self.repo,
            "author": name,
            "message": message.strip(),
            "files": files,
            "diff": diff,
            "attributes": attributes,
            "source_id": self.source_id,
            "line": self.count,
        }

    def notes(self) -> Iterator[str]:
        """What of the history was left out."""
        if sum(map(len, self.tags.values())) >= MAX_TAGS:
            yield f"the first {MAX_TAGS} tags only"
        if self.count >= MAX_COMMITS:
            yield f"the newest {self.count} commits only"
        if self.cut_diffs:
            yield f"{self.cut_diffs} diff(s) cut: over {MAX_DIFF_BYTES} bytes, or {_MAX_DIFF_BYTES_IN_ALL} in all"


def _unquoted(path: bytes) -> str:
    """A path as git prints it: in quotes, with escapes, when it holds special characters."""
    if path.startswith(b'"') and path.endswith(b'"'):
        escaped = path[1:-1].replace(b'\\"', b'"')
        path = escaped.decode("unicode_escape", "replace").encode("latin-1", "replace")
    return path.decode("utf-8", "replace")
