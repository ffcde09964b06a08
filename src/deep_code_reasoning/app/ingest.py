"""From paths to a case: find files, let each reader write its rows, sum up what became of every file."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ..domain.case import CaseInfo, Source
from ..domain.instant import NS_PER_S
from ..errors import NoEvidenceError
from ..readers.discover import Candidate, check_exists, discover
from ..readers.registry import readers
from ..store import CaseWriter
from ..store.alert import with_alert
from ..store.layout import read_manifest
from ..store.library import case_folder, is_case, writing_to_home
from ..store.neighbours import known_range

# A file's fingerprint takes this much of its head and of its tail: enough to tell exports apart, little enough that a
# terabyte of evidence is named in a moment.
_FINGERPRINT_BYTES: Final = 65_536
_ROLES: Final = ("incident", "baseline")
# How far before the evidence commits are read: what is deployed was mostly written within weeks.
_COMMITS_BEFORE_NS: Final = 90 * 86_400 * NS_PER_S


# Reading makes objects by the million, and hardly a circle among them: to look for some every 700 objects, as Python
# does, took a quarter of the time of reading spans from a table.
_GARBAGE_EVERY_OBJECTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a caller hands over: paths of evidence, of calm times to compare with, of repositories."""

    paths: tuple[Path, ...]
    baseline: tuple[Path, ...] = ()
    repositories: tuple[Path, ...] = ()
    case_name: str | None = None
    info: CaseInfo = field(default_factory=lambda: CaseInfo(""))


Progress = Callable[[int, int], None]
"""Called with (bytes read so far, bytes in all)."""


def ingest(evidence: Evidence, progress: Progress | None = None) -> Path:
    """Read evidence into a case and return the case's folder.

    Every file that was found is a source of the case: with its rows, with what was rejected, or with the reason why
    it was not read. The same evidence makes the same case, whatever its path.

    Raises:
        UsageError: when a path does not exist, a repository's among them.
        NoEvidenceError: when none of the files could be read.
        HomeError: when the case cannot be written.
    """
    for repository in evidence.repositories:
        check_exists(repository, "the folder of a git repository")
    candidates = discover(evidence.paths, evidence.baseline)
    readable = [candidate for candidate in candidates if candidate.reader is not None]
    if not readable and not evidence.repositories:
        raise NoEvidenceError(_why_nothing(candidates), "give files of traces, logs, metrics, deploys or commits")
    name = evidence.case_name or fingerprint(candidates)
    folder = case_folder(name)
    with writing_to_home(), CaseWriter(folder) as writer:
        writer.anchor_ns = evidence.info.noticed_at_ns
        if progress is not None:
            writer.on_progress = _running_total(progress, sum(c.file.size_bytes for c in readable))
        _read_all(readable, writer)
        sources = _read_repositories(evidence.repositories, writer, first_id=len(candidates) + 1)
        for source in (*map(_as_source, candidates), *sources):
            writer.add_source(source)
        manifest = writer.commit(with_alert(replace(evidence.info, id=name), writer))
    if not any(source.rows for source in manifest.sources):
        raise NoEvidenceError(_why_empty(manifest.sources), "see the rejected rows: 'dcr case query' on the case")
    return folder


def add_evidence(case_name: str, paths: Sequence[Path], progress: Progress | None = None) -> Path:
    """Read more files into a case: those it was made of are read again, from where they were, together with the new.

    Raises:
        UsageError: when a path does not exist, a file of the case's among them.
        NoEvidenceError: when none of the files could be read.
    """
    folder = case_folder(case_name)
    known: tuple[Source, ...] = read_manifest(folder).sources if is_case(folder) else ()
    by_role = {role: tuple(Path(s.path) for s in known if s.role == role and s.format != "git") for role in _ROLES}
    return ingest(
        Evidence(
            paths=(*by_role["incident"], *paths),
            baseline=by_role["baseline"],
            repositories=tuple(Path(s.path) for s in known if s.format == "git"),
            case_name=case_name,
            info=read_manifest(folder).info if known else CaseInfo(case_name),
        ),
        progress,
    )


def fingerprint(candidates: Sequence[Candidate]) -> str:
    """A name for a set of files that follows from their content alone: `case-` and 12 hex digits."""
    digests = []
    for candidate in candidates:
        digest = hashlib.sha256(f"{candidate.file.role}:{candidate.file.size_bytes}:".encode())
        if candidate.file.size_bytes:
            # What cannot be read is told by its size alone.
            with suppress(OSError), candidate.file.path.open("rb") as file:
                digest.update(file.read(_FINGERPRINT_BYTES))
                file.seek(max(0, candidate.file.size_bytes - _FINGERPRINT_BYTES))
                digest.update(file.read(_FINGERPRINT_BYTES))
        digests.append(digest.digest())
    return "case-" + hashlib.sha256(b"".join(sorted(digests))).hexdigest()[:12]


def _read_all(readable: Sequence[Candidate], writer: CaseWriter) -> None:
    by_format: dict[str, list[Candidate]] = {}
    for candidate in readable:
        if candidate.reader is not None:
            by_format.setdefault(candidate.reader.format, []).append(candidate)
    with _seldom_collecting():
        # In the registry's order: logs without dates come last, because what was read before dates them.
        for reader in readers():
            if reader.format in by_format:
                reader.read([candidate.file for candidate in by_format[reader.format]], writer)


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Let Python look for circular garbage seldom."""
    before = gc.get_threshold()
    gc.set_threshold(_GARBAGE_EVERY_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _read_repositories(repositories: Sequence[Path], writer: CaseWriter, first_id: int) -> list[Source]:
    if not repositories:
        return []
    from ..readers.git_repository import read_repository

    known = known_range(writer)
    since_ns, until_ns = (known[0] - _COMMITS_BEFORE_NS, known[1]) if known else (None, None)
    sources = []
    for source_id, path in enumerate(repositories, start=first_id):
        name = path.resolve().name
        read_repository(path, name, writer, since_ns, until_ns, source_id)
        sources.append(Source(source_id, f"repository {name}", str(path), "git", "changes"))
    return sources


def _as_source(candidate: Candidate) -> Source:
    file, reader = candidate.file, candidate.reader
    return Source(
        id=file.source_id,
        name=file.name,
        path=str(file.path.resolve()),
        format=reader.format if reader else "unknown",
        kind=reader.kind if reader else "unknown",
        role=file.role,
        bytes=file.size_bytes,
        note="" if reader else f"not read: {candidate.reason}",
    )


def _running_total(progress: Progress, total_bytes: int) -> Callable[[int], None]:
    done = 0

    def advance(read_bytes: int) -> None:
        nonlocal done
        done = min(total_bytes, done + read_bytes)
        progress(done, total_bytes)

    return advance


def _why_nothing(candidates: Sequence[Candidate]) -> str:
    if not candidates:
        return "there is nothing to read: no path was given"
    shown = "; ".join(f"{c.file.name}: {c.reason}" for c in candidates[:5])
    more = f" (and {len(candidates) - 5} more)" if len(candidates) > 5 else ""
    return f"nothing of what was given could be read: {shown}{more}"


def _why_empty(sources: Sequence[Source]) -> str:
    shown = "; ".join(f"{s.name}: {s.note or f'{s.rejected} rejected'}" for s in sources[:5])
    return f"no row of evidence could be read: {shown}"
