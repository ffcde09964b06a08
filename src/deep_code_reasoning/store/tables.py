"""Files that hold tables (Parquet, Arrow): their rows as plain values, a batch at a time.

Times become text with all their digits, in UTC (one without a zone is taken as UTC), binary ids become hexadecimal,
maps become objects. Whoever reads the rows knows nothing of Arrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from .arrow import load_arrow

_BATCH_ROWS: Final = 2_000
_ARROW: Final = b"ARROW1"

Record = dict[str, Any]


def table_batches(path: Path) -> Iterator[list[Record]]:
    """The rows of a Parquet or Arrow (Feather) file, in batches; one row group is held in memory.

    Raises:
        EOFError: where the file is damaged or ends too early.
    """
    arrow = load_arrow()
    try:
        for batch in _batches(arrow, path):
            plain = [_plain(arrow, column) for column in batch.columns]
            yield [
                dict(zip(batch.schema.names, row, strict=True))
                for row in zip(*(column.to_pylist(maps_as_pydicts="lossy") for column in plain), strict=True)
            ]
    except (arrow.ArrowException, ArithmeticError) as fault:
        raise EOFError(f"no sound table: {fault}") from fault


def _batches(arrow: Any, path: Path) -> Iterator[Any]:
    with path.open("rb") as raw:
        if raw.read(len(_ARROW)) == _ARROW:
            import pyarrow.ipc

            stored = pyarrow.ipc.open_file(raw)
            for number in range(stored.num_record_batches):
                whole = stored.get_batch(number)
                yield from (whole.slice(first, _BATCH_ROWS) for first in range(0, len(whole), _BATCH_ROWS))
        else:
            yield from arrow.parquet.ParquetFile(raw).iter_batches(_BATCH_ROWS)


def _plain(arrow: Any, column: Any) -> Any:
    """A column with its times as text, also within lists; other values as they are."""
    kind, types = column.type, arrow.types
    if types.is_dictionary(kind):
        return _plain(arrow, column.dictionary_decode())
    if types.is_timestamp(kind):
        import pyarrow.compute as compute

        zoned = column if kind.tz else compute.assume_timezone(column, "UTC")
        return zoned.cast(arrow.timestamp(kind.unit, "UTC")).cast(arrow.string())
    if types.is_duration(kind) or types.is_time(kind):
        return column.cast(arrow.int64())
    if types.is_date(kind):
        return column.cast(arrow.string())
    if types.is_list(kind) or types.is_large_list(kind):
        return type(column).from_arrays(column.offsets, _plain(arrow, column.values), mask=column.is_null())
    return column
