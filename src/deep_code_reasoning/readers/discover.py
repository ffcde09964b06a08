"""From the paths a caller gave to the files to be read, each with the reader that fits its content."""

from __future__ import annotations

import codecs
import hashlib
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ..domain.case import SourceRole
from ..errors import UsageError
from .base import EvidenceFile, Reader, read_head
from .registry import choose

# Folders that hold no evidence and may be huge.
_SKIPPED_FOLDERS: Final = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"})
# What evidence is often sent in and no reader looks into: where its first bytes are, those, and its name.
_PACKED: Final = (
    (0, b"PK\x03\x04", "a zip archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"\xfd7zXZ\0", "compressed by xz"),
    (0, b"BZh", "compressed by bzip2"),
    (0, b"\x04\x22\x4d\x18", "compressed by lz4"),
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file and the reader that takes it; without a reader, `reason` says why it is not read."""

    file: EvidenceFile
    reader: Reader | None
    reason: str = ""


def discover(paths: Sequence[Path], baseline: Sequence[Path] = ()) -> list[Candidate]:
    """Find every file under the paths, in a stable order, and choose its reader by content.

    A file that is given twice is taken once. Links are followed only where the caller named them; one that leads out of
    what was given is listed, as is a folder that cannot be looked into.

    Raises:
        UsageError: when a path does not exist, cannot be reached, or is given as both.
    """
    candidates: list[Candidate] = []
    seen: set[Path] = set()
    names: set[str] = set()
    given: dict[SourceRole, Sequence[Path]] = {"incident": paths, "baseline": baseline}
    for root in (*paths, *baseline):
        check_exists(root, "a file or a folder of evidence")
    calm = {root.resolve() for root in baseline}
    inside = (*(root.resolve() for root in paths), *calm)
    for role, roots in given.items():
        for root in roots:
            # A calm time may lie in a folder of its own within the incident's.
            apart = [each for each in calm if role == "incident" and each.is_relative_to(root.resolve())]
            if root.resolve() in apart:
                raise UsageError(f"{root} is given both as evidence and as baseline", "give it as one of them")
            for path, reason in _files_under(root, inside):
                real = _real(path)
                if real in seen or any(real.is_relative_to(each) for each in apart):
                    continue
                if not reason:
                    seen.add(real)
                name = _unique_name(path, root, role, names)
                candidates.append(_examine(len(candidates) + 1, path, name, role, reason))
    return _without_copies(candidates)


def _without_copies(candidates: Sequence[Candidate]) -> list[Candidate]:
    """The same content again is no further evidence: a copy loses its reader, with the reason."""
    sizes = Counter(candidate.file.size_bytes for candidate in candidates if candidate.reader)
    first: dict[tuple[str, bytes], str] = {}
    kept = []
    for candidate in candidates:
        file = candidate.file
        # Only files of one size can be copies, so hardly any file is hashed.
        if candidate.reader and sizes[file.size_bytes] > 1:
            with file.path.open("rb") as content:
                digest = hashlib.file_digest(content, "sha256").digest()
            original = first.setdefault((file.role, digest), file.name)
            if original != file.name:
                candidate = replace(candidate, reader=None, reason=f"the same content as {original}")
        kept.append(candidate)
    return kept


def check_exists(path: Path, wanted: str) -> None:
    """Refuse a path of the caller's that leads nowhere.

    Raises:
        UsageError: when there is nothing, or a folder on the way may not be entered.
    """
    try:
        path.stat()
    except FileNotFoundError:
        raise UsageError(f"{path} does not exist", f"give {wanted}") from None
    except OSError as fault:
        raise UsageError(f"{path} cannot be reached: {fault.strerror}", f"give {wanted}") from fault


def _files_under(root: Path, inside: Sequence[Path]) -> Iterator[tuple[Path, str]]:
    """Every file below a path, and what else lies there, with the reason why it is not looked into."""
    if not root.is_dir():
        yield root, ""
        return
    closed: list[OSError] = []
    found = False
    for folder, subfolders, files in os.walk(root, onerror=closed.append):
        links = [name for name in subfolders if _is_link(Path(folder, name))]
        subfolders[:] = sorted(name for name in subfolders if name not in _SKIPPED_FOLDERS)
        for name in sorted((*files, *links)):
            path = Path(folder, name)
            found = True
            if not _is_link(path):
                yield path, ""
            elif not any(_real(path).is_relative_to(given) for given in inside):
                # A folder of evidence may come from anywhere: it does not choose what else of the machine is read.
                yield path, "a link out of what was given; give what it leads to"
    for fault in closed:
        yield Path(fault.filename), f"the folder cannot be read: {fault.strerror}"
    if not (found or closed):
        yield root, "a folder without files"


def _real(path: Path) -> Path:
    # Path.resolve raises on links that lead to themselves.
    return Path(os.path.realpath(path))


def _is_link(path: Path) -> bool:
    try:
        return path.is_symlink()
    except OSError:  # the folder may be listed and not entered
        return False


def _unique_name(path: Path, root: Path, role: SourceRole, taken: set[str]) -> str:
    name = (path.name or path.resolve().name) if path == root else path.relative_to(root).as_posix()
    if role == "baseline":
        name = f"baseline/{name}"
    unique, number = name, 2
    while unique in taken:
        unique, number = f"{name}~{number}", number + 1
    taken.add(unique)
    return unique


def _examine(source_id: int, path: Path, name: str, role: SourceRole, reason: str) -> Candidate:
    size = 0
    if reason:
        return Candidate(EvidenceFile(source_id, path, name, 0, "", role), None, reason)
    try:
        size = path.stat().st_size
        if not path.is_file():
            return Candidate(EvidenceFile(source_id, path, name, 0, "", role), None, "not a regular file")
        head, compression = read_head(path)
    except OSError as fault:
        return Candidate(EvidenceFile(source_id, path, name, size, "", role), None, f"cannot be read: {fault.strerror}")
    file = EvidenceFile(source_id, path, name, size, compression, role)
    if not head.data.strip():
        return Candidate(file, None, "the file is empty" if head.complete else "the compressed file is damaged")
    reader = choose(head)
    return Candidate(file, reader, "" if reader else _why_unknown(head.data))


def _why_unknown(data: bytes) -> str:
    for place, magic, name in _PACKED:
        if data.startswith(magic, place):
            return f"{name}; unpack it and give what is in it"
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "text in UTF-16; write it in UTF-8"
    if b"\0" in data[:4096]:
        return "a binary file of no known format"
    return "no known format of traces, logs, metrics or changes"
