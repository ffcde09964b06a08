"""A folder of many small files, of every format the corpus has."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.domain.case import CaseInfo
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
