"""A folder of many small files, of every format the corpus has."""

from __future__ import annotations

import bz2
import lzma
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.errors import UsageError
from deep_code_reasoning.readers.discover import discover
from deep_code_reasoning.store import CaseWriter, open_case
from deep_code_reasoning.store.schema import EVIDENCE_TABLES

COPIES = 8


@pytest.fixture
def folder(tmp_path: Path, all_reader_cases: tuple[Any, ...]) -> Path:
    """Copies of the whole corpus, each different from the others by blank lines at its end, none named as it should."""
    root = tmp_path / "evidence"
    for number in range(COPIES):
        for index, case in enumerate(case for case in all_reader_cases if case.is_text):
            path = root / f"part{number}" / case.format / f"{index:03d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(case.data + b"\n" * number)
    return root


def open_files() -> list[Path]:
    """The files that this process has open, where the system tells."""
    descriptors = Path("/proc/self/fd")
    return [path.readlink() for path in descriptors.iterdir() if path.is_symlink()] if descriptors.is_dir() else []


def test_every_file_of_a_large_folder_finds_its_reader(folder: Path, all_reader_cases: tuple[Any, ...]) -> None:
    candidates = discover([folder])
    chosen = Counter(candidate.reader.format if candidate.reader else candidate.reason for candidate in candidates)
    expected = Counter(case.format for case in all_reader_cases if case.is_text)
    assert chosen == {name: count * COPIES for name, count in expected.items()}
    assert [candidate.file.source_id for candidate in candidates] == list(range(1, len(candidates) + 1))


def test_reading_a_large_folder_leaves_no_file_open(folder: Path, tmp_path: Path) -> None:
    candidates = discover([folder])
    by_reader: dict[str, list[Any]] = {}
    for candidate in candidates:
        if candidate.reader:
            by_reader.setdefault(candidate.reader.format, []).append(candidate)
    with CaseWriter(tmp_path / "case") as writer:
        for group in by_reader.values():
            group[0].reader.read([candidate.file for candidate in group], writer)
        left_open = [path for path in open_files() if path.is_relative_to(folder)]
        writer.commit(CaseInfo("test"))
    assert left_open == []
    with open_case(tmp_path / "case") as store:
        seen = {row["source_id"] for table in EVIDENCE_TABLES
                for row in store.query(f"SELECT DISTINCT source_id FROM {table}")}  # fmt: skip
    assert seen == {candidate.file.source_id for candidate in candidates}


def test_what_evidence_is_packed_in_is_named_with_what_to_do(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "app.log").write_text("2026-03-01T10:00:00Z ERROR no route to stock\n" * 50)
    packed = tmp_path / "packed"
    packed.mkdir()
    for kind in ("zip", "tar", "gztar"):
        shutil.make_archive(str(packed / kind), kind, inside)
    text = (inside / "app.log").read_text()
    (packed / "log.xz").write_bytes(lzma.compress(text.encode()))
    (packed / "log.bz2").write_bytes(bz2.compress(text.encode()))
    (packed / "utf16.log").write_text(text, "utf-16")
    assert {each.file.name: each.reason for each in discover([packed])} == {
        "gztar.tar.gz": "a tar archive; unpack it and give what is in it",
        "log.bz2": "compressed by bzip2; unpack it and give what is in it",
        "log.xz": "compressed by xz; unpack it and give what is in it",
        "tar.tar": "a tar archive; unpack it and give what is in it",
        "utf16.log": "text in UTF-16; write it in UTF-8",
        "zip.zip": "a zip archive; unpack it and give what is in it",
    }


def test_a_calm_time_within_the_folder_of_the_incident_is_the_baseline(tmp_path: Path) -> None:
    calm = tmp_path / "calm"
    calm.mkdir()
    for number, folder in enumerate((tmp_path, calm)):
        (folder / "app.log").write_text(f"2026-03-01T1{number}:00:00Z ERROR no route to stock\n" * 50)
    roles = {each.file.name: each.file.role for each in discover([tmp_path], [calm])}
    assert roles == {"app.log": "incident", "baseline/app.log": "baseline"}
    # The other way round, too: an incident within a longer recording.
    roles = {each.file.name: each.file.role for each in discover([calm], [tmp_path])}
    assert roles == {"app.log": "incident", "baseline/app.log": "baseline"}
    with pytest.raises(UsageError, match="both as evidence and as baseline"):
        discover([tmp_path], [tmp_path])
