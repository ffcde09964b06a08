"""Reading by the gigabyte: the engine goes over the sources once and fills several tables from what it parsed.

A `SELECT` parses the source into rows of an intake; each output is a `SELECT` over the table `intake`, whose rows go to
a Parquet file of their own. The rows are never held as a whole: block by block, every output takes its part.
"""

from __future__ import annotations

import itertools
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from . import engine
from .schema import TABLES
from .writer import CaseWriter

_numbers = itertools.count(1)

# Blocks go through as they were parsed: gathering them first costs memory and a copy. Every view of a block would be
# hashed for deduplication, which nothing here needs.
_SETTINGS: Final = (
    "max_threads = 2, max_insert_threads = 2, min_insert_block_size_rows = 0, min_insert_block_size_bytes = 0, "
    "deduplicate_insert = 'disable', deduplicate_insert_select = 'disable', insert_deduplicate = 0, "
    "deduplicate_blocks_in_dependent_materialized_views = 0, storage_file_read_method = 'pread'"
)
# Without dictionaries encoding takes half the time; LZ4 makes files as small, and queries are as fast. A row group is
# held until it is whole: four times as many rows take 0.1 GB more, and as each page is touched first, 4 % of the time.
_PARQUET: Final = (
    "output_format_parquet_compression_method = 'lz4', output_format_parquet_row_group_size = 25000, "
    "output_format_parquet_max_dictionary_size = 0, output_format_parquet_write_bloom_filter = 0"
)

# A column that every row of evidence has: of a file that is only counted the engine need not look for all others.
_ORIGIN: Final = "'source_id UInt32'"


@dataclass(frozen=True, slots=True)
class Step:
    """A SELECT on the way from a source to the intake; the steps after it read from it by its name."""

    name: str
    select: str


@dataclass(frozen=True, slots=True)
class Output:
    """Rows for a table of the case: `select` reads from `intake` and yields the table's columns, in order."""

    table: str
    select: str


@dataclass(frozen=True, slots=True)
class Aside:
    """Rows that are put aside for another pass: a SELECT from `intake`, and the columns it yields."""

    structure: str
    select: str


class Intake:
    """A place through which sources are read. Use as a context manager; rows put aside live until its end.

    Args:
        writer: the case that takes the rows.
    """

    def __init__(self, writer: CaseWriter) -> None:
        self._writer = writer
        self._folder = Path(tempfile.mkdtemp(prefix="intake-", dir=writer.scratch))
        self.database = engine.Database(f"intake_{next(_numbers)}")

    def __enter__(self) -> Intake:
        return self

    def __exit__(self, *_: object) -> None:
        self.database.drop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def run(
        self,
        steps: Sequence[Step],
        source: str,
        structure: str,
        outputs: Sequence[Output],
        asides: Sequence[Aside] = (),
    ) -> tuple[str, ...]:
        """Read a source once.

        Args:
            steps: what `source` reads from, the first one first. Nested in it they would read the same, and be dearer
                to understand: for each mention of a column the engine goes through the subquery that has it.
            source: a SELECT that yields the intake's columns.
            structure: those columns, `name type, ...`.
            outputs: what goes where.
            asides: rows to keep for another pass.

        Returns:
            For each of the asides the table that has its rows, '' when there are none.

        Raises:
            EngineRefusal: when the engine cannot read the source; nothing of it is kept then.
        """
        files = [self._writer.new_file(output.table) for output in outputs]
        kept = [f"aside_{next(_numbers)}" for _ in asides]
        natives = [self._folder / f"{name}.native" for name in kept]
        views: list[str] = []
        try:
            for step in steps:
                self.database.execute(f"CREATE VIEW {step.name} AS {step.select}")
            self._define("intake", structure, "Null")
            for output, path in zip(outputs, files, strict=True):
                columns = TABLES[output.table].structure.replace("LowCardinality(String)", "String")
                views.append(f"out_{len(views)}")
                self._define(views[-1], columns, f"File(Parquet, {engine.literal(str(path))}) SETTINGS {_PARQUET}")
                self._view(views[-1], _with_shapes(output.select) if output.table == "logs" else output.select)
            for aside, name, path in zip(asides, kept, natives, strict=True):
                views.append(name)
                self._define(name, aside.structure, f"File(Native, {engine.literal(str(path))})")
                self._view(name, aside.select)
            self.database.execute(f"INSERT INTO intake {source} SETTINGS {_SETTINGS}")
        except engine.EngineRefusal:
            for path in files:
                path.unlink(missing_ok=True)
            raise
        finally:
            for name in (
                *(f"to_{view}" for view in views),
                "intake",
                *views[: len(outputs)],
                *(step.name for step in reversed(steps)),
            ):
                self.database.execute(f"DROP TABLE IF EXISTS {name}")
        self._drop_empty(files)
        return tuple(
            f"{engine.identifier(self.database.name)}.{name}" if path.is_file() and path.stat().st_size else ""
            for name, path in zip(kept, natives, strict=True)
        )

    def _define(self, name: str, structure: str, storage: str) -> None:
        self.database.execute(f"CREATE TABLE {name} ({structure}) ENGINE = {storage}")

    def _view(self, target: str, select: str) -> None:
        self.database.execute(f"CREATE MATERIALIZED VIEW to_{target} TO {target} AS {select}")

    def _drop_empty(self, files: Sequence[Path]) -> None:
        for path in files:
            if path.is_file() and (not path.stat().st_size or not self._count(path)):
                path.unlink()

    def _count(self, path: Path) -> int:
        (row,) = self.database.query(f"SELECT count() AS n FROM file({engine.literal(str(path))}, Parquet, {_ORIGIN})")
        return int(row["n"])


def _with_shapes(select: str) -> str:
    from .log_shapes import with_shapes  # its patterns take as long as all else that is loaded for reading traces

    return with_shapes(select)
