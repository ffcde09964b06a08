"""The files of a code base and their content, each named by git's id of its content.

The same content has the same id in every repository, revision and folder, so its structure is read once. Revisions are
read from git's objects: nothing is ever checked out, and nothing that the repository configures is run.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from ..errors import SourceError, SourceNotFoundError, UnreadableSourceError
from .git import git
from .roots import MAX_FILE_BYTES, Roots, SourcePath
from .secret_files import is_private_key, secret_kind

_REGULAR_FILES: Final = (b"100644", b"100755")
IDS_AT_ONCE: Final = 1_000


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A file that is not searched, and why."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Blob:
    """A content of a repository: git's id of it, and its size in bytes."""

    sha: str
    size: int


def git_id(content: bytes) -> str:
    """Git's name of a content: the SHA-1 of `blob LENGTH\\0` and the content (git, "Git Objects")."""
    return hashlib.sha1(b"blob %d\0%b" % (len(content), content), usedforsecurity=False).hexdigest()


def folder_content(roots: Roots, where: SourcePath) -> bytes | LeftOut:
    """A file's text as it stands in a folder, or why it is left out."""
    try:
        return roots.read(where).text.encode()
    except SourceError as refusal:
        return LeftOut(where.path, refusal.message)


def revision_files(repository: Path, revision: str) -> tuple[dict[str, str], list[LeftOut]]:
    """The files of a revision as path -> id of its content, and those that are left out.

    Raises:
        those of `revision_blobs`.
    """
    files, left_out = revision_blobs(repository, revision)
    return {path: blob.sha for path, blob in files.items()}, left_out


def revision_blobs(repository: Path, revision: str) -> tuple[dict[str, Blob], list[LeftOut]]:
    """The files of a revision by their paths, and those that are left out.

    Raises:
        SourceNotFoundError: when there is no such revision, or no repository.
        UnreadableSourceError: when the repository is broken.
    """
    commit = commit_of(repository, revision)
    files: dict[str, Blob] = {}
    left_out: list[LeftOut] = []
    with git(repository, ["ls-tree", "-r", "-z", "-l", "--full-tree", commit]) as listing:
        for entry in _entries(listing.output.read()):
            about, _, name = entry.partition(b"\t")
            mode, _, sha, size = about.split()
            path = name.decode("utf-8", "surrogateescape")
            reason = _why_left_out(path, mode, size)
            if reason:
                left_out.append(LeftOut(path if path.isprintable() else ascii(path), reason))
            else:
                files[path] = Blob(sha.decode(), int(size) if size.isdigit() else 0)
    if listing.fault:
        raise UnreadableSourceError(f"{repository.name} cannot be read at {revision}: {listing.fault}")
    return files, left_out


def revision_contents(repository: Path, ids: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    """The contents of ids, in order; None for one that is missing or broken.

    One git reads some thousand of them, so that none runs for long while its reader is slow; at a broken object git
    ends, and another one goes on behind it.
    """
    start = 0
    while start < len(ids):
        some = ids[start : start + IDS_AT_ONCE]
        for sha, content in _read_until_broken(repository, some):
            start += 1
            yield sha, content


def why_not_text(content: bytes) -> str:
    """Why a content is not for us, or '': a null character near its beginning (as git tells data), a private key."""
    if b"\0" in content[:8192]:
        return "no text"
    return "a private key" if is_private_key(content[:8192].decode("utf-8", "replace")) else ""


def _read_until_broken(repository: Path, ids: Sequence[str]) -> Iterator[tuple[str, bytes | None]]:
    with tempfile.TemporaryFile() as asked:
        asked.write("".join(f"{sha}\n" for sha in ids).encode())
        asked.seek(0)
        with git(repository, ["cat-file", "--batch"], asked) as answer:
            for sha in ids:
                header = answer.output.readline().split()
                if len(header) != 3:  # `SHA missing`, or nothing: git has ended
                    yield sha, None
                    if header:
                        continue
                    return
                size = int(header[2])
                content = answer.output.read(size)
                answer.output.read(1)
                yield sha, content if header[1] == b"blob" and len(content) == size else None


def commit_of(repository: Path, revision: str) -> str:
    """The id of the commit that a revision names.

    Raises:
        SourceNotFoundError: when there is no such revision, or no repository.
    """
    with git(repository, ["rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"]) as asked:
        commit = asked.output.read().decode("ascii", "replace").strip()
    if not commit:
        raise SourceNotFoundError(
            f"{repository.name} has no revision {revision}", asked.fault or "give a commit, a branch or a tag"
        )
    return commit


def place_in_repository(folder: Path) -> str:
    """Where a folder is in its repository: `services/cart/`, '' for the top, or without one."""
    with git(folder, ["rev-parse", "--show-prefix"]) as asked:
        return asked.output.read().decode("utf-8", "surrogateescape").rstrip("\n")


def _entries(listing: bytes) -> list[bytes]:
    return [entry for entry in listing.split(b"\0") if entry]


def _why_left_out(path: str, mode: bytes, size: bytes) -> str:
    if not path.isprintable():
        return "its name is no text"
    if mode not in _REGULAR_FILES:
        return "a link" if mode == b"120000" else "another repository inside this one"
    if size.isdigit() and int(size) > MAX_FILE_BYTES:
        return f"{int(size):,} bytes, more than {MAX_FILE_BYTES:,}"
    secret = secret_kind(PurePosixPath(path))
    return f"by its name it holds secrets ({secret})" if secret else ""
