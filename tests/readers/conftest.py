"""The readers' corpus, and how a test reads evidence through the real writer and store.

A case of the corpus is a file `cases/FORMAT/NAME` beside `NAME.rows.json`, what becomes of it: the rows of every table
without the cells that are empty, the rejected pieces, the note. After a change that is meant to alter rows,
`DCR_UPDATE_CASES=1 pytest tests/readers` writes them anew, to be reviewed as a diff.
"""

from __future__ import annotations

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.readers import otlp_json
from deep_code_reasoning.readers.base import EvidenceFile, detect_compression
from deep_code_reasoning.readers.registry import readers
from deep_code_reasoning.store import CaseWriter, open_case
from deep_code_reasoning.store.schema import EVIDENCE_TABLES
from deep_code_reasoning.store.writer import write_manifest

CASES = Path(__file__).parent / "cases"
# Files in which every line is a record, or belongs to the one before it.
LINE_SUFFIXES = frozenset({".jsonl", ".csv", ".tsv", ".prom", ".txt", ".log", ".logfmt"})
BINARY_SUFFIXES = frozenset({".binpb", ".hprof", ".heapsnapshot"})
# Their rows tell of the whole, so they have no place in it.
SUMMED_UP = frozenset({"hprof", "v8-heap-snapshot"})
# Lines that are no record of their own: a table's header; comments, and the parts of a histogram or summary that are
# joined to its first line; whatever follows a log record without beginning one.
JOINED = {
    "prometheus-text": re.compile(rb"\s*#.*|\s*\w+(_bucket|_sum|_count|_created)\b.*|\s*\w+\{quantile=.*", re.DOTALL),
    "java-class-histogram": re.compile(rb"(?:\d+:|\s*num .*|\s*-+|\s*Total .*)\s*"),
    "logfmt": re.compile(rb".*", re.DOTALL),
    "plain-log": re.compile(rb".*", re.DOTALL),
    "deploy-log": re.compile(rb".*", re.DOTALL),
    "container-log": re.compile(rb".*", re.DOTALL),
    "git-log": re.compile(rb"(?!commit [0-9a-f]).*", re.DOTALL),
}
# A line end that got between two values of a record; and a list that holds none.
JOINED_IN_JSON = re.compile(rb"\s*[^{\[\s].*|[\[\],\s]*", re.DOTALL)

# What a row says of its place in the file, which differs where the content is the same.
PLACE = frozenset({"source_id", "dump", "line", "item", "offset_bytes"})

Row = dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def _small_files_are_read_as_large_ones_are() -> Iterator[None]:
    """The engine reads OTLP JSON of any size here, so that a test's few lines stand for gigabytes."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(otlp_json, "WORTH_A_STATEMENT_BYTES", 0)
        yield


@dataclass(frozen=True, eq=False)
class ReaderCase:
    """One file of the corpus and the format it is of."""

    format: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.format}/{self.path.name}"

    @functools.cached_property
    def data(self) -> bytes:
        return self.path.read_bytes()

    @property
    def golden(self) -> Path:
        return self.path.with_name(self.path.name + ".rows.json")

    @functools.cached_property
    def record_lines(self) -> list[int]:
        """The lines on which the expected rows begin."""
        golden = json.loads(self.golden.read_text("utf-8"))
        tables = (rows for name, rows in golden.items() if name not in ("rejected", "note"))
        return sorted({row["line"] for rows in tables for row in rows})

    @property
    def has_lines(self) -> bool:
        return self.path.suffix in LINE_SUFFIXES

    def lost_lines(self, data: bytes, outcome: Outcome) -> list[bytes]:
        """Lines of a variant of this case of which neither a row nor a rejected piece speaks, nor has to."""
        lines = data.removeprefix(b"\xef\xbb\xbf").split(b"\n")
        first = next((line.strip() for line in lines if line.strip()), b"")
        header = first if self.path.suffix in {".csv", ".tsv"} else None
        joined = JOINED_IN_JSON if self.path.suffix == ".jsonl" else JOINED.get(self.format)
        return [
            line
            for number, line in enumerate(lines, start=1)
            if line.strip() and not outcome.speaks_of(number)
            if line.strip() != header
            if joined is None or not joined.fullmatch(line)
        ]

    @property
    def is_summed_up(self) -> bool:
        return self.format in SUMMED_UP

    @property
    def is_text(self) -> bool:
        return self.path.suffix not in BINARY_SUFFIXES


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one source: the rows of every table that has some, what was rejected, the note."""

    tables: Mapping[str, list[Row]]
    rejected: list[Row]
    note: str

    @property
    def rows(self) -> list[Row]:
        """The rows of all tables."""
        return [row for rows in self.tables.values() for row in rows]

    @functools.cached_property
    def lines(self) -> set[int]:
        """The lines that a row or a rejected piece speaks of."""
        return {row["line"] for row in (*self.rows, *self.rejected)}

    def speaks_of(self, line: int) -> bool:
        """Whether a row or a rejected piece stands for a line."""
        ranges = ((piece["line"], re.search(r"lost up to line (\d+)", piece["reason"])) for piece in self.rejected)
        return line in self.lines or any(match and first <= line <= int(match[1]) for first, match in ranges)

    @property
    def content(self) -> Counter[str]:
        """Every row by table and content, without its place: equal for the same evidence in another wrapping."""
        return Counter(
            table + json.dumps({name: cell for name, cell in row.items() if name not in PLACE}, sort_keys=True)
            for table, rows in self.tables.items()
            for row in rows
        )

    def as_golden(self) -> dict[str, Any]:
        """As it is kept beside a case: without empty cells."""

        def kept(row: Row) -> Row:
            # The shape follows from the body, by rules that have tests of their own.
            kept = ((name, cell) for name, cell in row.items() if name not in ("source_id", "shape", "dump"))
            return {name: cell for name, cell in kept if cell not in ("", None, {}, [])}

        tables = {name: [kept(row) for row in rows] for name, rows in self.tables.items()}
        return {**tables, "rejected": [kept(row) for row in self.rejected], "note": self.note}


@functools.cache
def all_cases() -> tuple[ReaderCase, ...]:
    paths = sorted(path for path in CASES.glob("*/*") if not path.name.endswith(".rows.json"))
    return tuple(ReaderCase(path.parent.name, path) for path in paths)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`case` is every file of the corpus, `reader` every reader."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", all_cases(), ids=[case.name for case in all_cases()])
    if "reader" in metafunc.fixturenames:
        metafunc.parametrize("reader", readers(), ids=[reader.format for reader in readers()])


@pytest.fixture(scope="session")
def all_reader_cases() -> tuple[ReaderCase, ...]:
    """The whole corpus."""
    return all_cases()


@pytest.fixture(scope="session")
def cases_of() -> Callable[[str], list[ReaderCase]]:
    """The cases of a format."""
    return lambda format_name: [case for case in all_cases() if case.format == format_name]


Read = Callable[[str, Mapping[str, bytes]], dict[str, Outcome]]


@pytest.fixture(scope="session")
def read_evidence(tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Read files (name -> bytes) in one call of the reader of a format, through a real case; an outcome for each."""

    def read(format_name: str, files: Mapping[str, bytes]) -> dict[str, Outcome]:
        folder = tmp_path_factory.mktemp("evidence")
        reader = next(reader for reader in readers() if reader.format == format_name)
        evidence: list[EvidenceFile] = []
        for number, (name, data) in enumerate(files.items(), start=1):
            path = folder / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            evidence.append(EvidenceFile(number, path, name, len(data), detect_compression(data)))
        with CaseWriter(folder / "case") as writer:
            reader.read(evidence, writer)
            for file in evidence:
                writer.add_source(Source(file.source_id, file.name, str(file.path), format_name, reader.kind))
            manifest = writer.commit(CaseInfo("test"))
            notes = dict(writer.notes)
        # As read: how one file spells a service says nothing of another.
        write_manifest(folder / "case", replace(manifest, spellings={}))
        with open_case(folder / "case") as store:
            order = "ORDER BY source_id, line, item"
            tables = {name: store.query(f"SELECT * FROM {name} {order}") for name in EVIDENCE_TABLES}
            rejected = store.query("SELECT * FROM rejected ORDER BY source_id, line, offset_bytes, reason")
        return {
            file.name: Outcome(
                {name: own for name, rows in tables.items() if (own := _of(rows, file.source_id))},
                _of(rejected, file.source_id),
                notes.get(file.source_id, ""),
            )
            for file in evidence
        }

    return read


def _of(rows: list[Row], source_id: int) -> list[Row]:
    return [row for row in rows if row["source_id"] == source_id]
