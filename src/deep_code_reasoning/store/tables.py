"""Files that hold tables (Parquet, Arrow): their columns as plain values, a batch of rows at a time.

Times become text with all their digits, in UTC (one without a zone keeps none), lengths of time tell their unit, maps
become objects. Whoever reads the rows knows nothing of Arrow.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .arrow import load_arrow

# Large enough that a batch's own cost is nothing beside that of its rows; its values take some 20 MB. Of wide tables
# fewer rows.
_BATCH_ROWS: Final = 8_000
_BATCH_CELLS: Final = 200_000
MAGIC: Final = {b"PAR1": "parquet", b"ARROW1": "arrow"}
"""How the files begin (Apache Parquet's file format; Arrow's IPC file format), and what they are called here."""


@dataclass(frozen=True)
class TableBatch:
    """Some rows of a table, by column.

    Attributes:
        columns: a value for each row, by the column's name; of columns of one name the later are numbered.
        plain: the columns that hold nothing but what JSON has, members going by text.
        moments: of columns of times, which `columns` has as text, nanoseconds since the epoch.
    """

    columns: dict[str, list[Any]]
    plain: frozenset[str]
    moments: dict[str, list[int | None]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()), ()))


def table_batches(path: Path) -> Iterator[TableBatch]:
    """The rows of a Parquet or Arrow (Feather) file, in batches; one row group is held in memory.

    Text that is no UTF-8 gets U+FFFD in the place of what is not.

    Raises:
        EOFError: where the file is damaged, ends too early, or holds what has no plain form.
    """
    arrow = load_arrow()
    try:
        for batch in _batches(arrow, path):
            named = dict(zip(_numbered(batch.schema.names), batch.columns, strict=True))
            yield TableBatch(
                {name: _values(arrow, _plain(arrow, column)) for name, column in named.items()},
                frozenset(name for name, column in named.items() if _is_plain(arrow, column.type)),
                {name: ns for name, column in named.items() if (ns := _moments(arrow, column)) is not None},
            )
    # Its own errors, and Python's of values that it cannot turn into Python's: times too far away, keys without a hash.
    except (arrow.ArrowException, ArithmeticError, ValueError, TypeError) as fault:
        raise EOFError(f"no sound table: {fault}") from fault


def _batches(arrow: Any, path: Path) -> Iterator[Any]:
    with path.open("rb") as raw:
        if not raw.read(8).startswith(b"PAR1"):
            import pyarrow.ipc

            stored = pyarrow.ipc.open_file(raw)
            size = _batch_rows(stored.schema)
            for number in range(stored.num_record_batches):
                whole = stored.get_batch(number)
                yield from (whole.slice(first, size) for first in range(0, len(whole), size))
        else:
            stored = arrow.parquet.ParquetFile(raw)
            yield from stored.iter_batches(_batch_rows(stored.schema_arrow))


def _batch_rows(schema: Any) -> int:
    return max(1, min(_BATCH_ROWS, _BATCH_CELLS // max(1, len(schema))))


def _numbered(names: list[str]) -> list[str]:
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}_{seen[name]}")
    return found


def _moments(arrow: Any, column: Any) -> list[int | None] | None:
    """Of times the nanoseconds; None of other columns, and where one is too far away."""
    if not arrow.types.is_timestamp(column.type):
        return None
    try:
        found: list[int | None] = column.cast(arrow.timestamp("ns", column.type.tz)).cast(arrow.int64()).to_pylist()
    except arrow.ArrowInvalid:
        return None
    return found


def _plain(arrow: Any, column: Any) -> Any:
    """A column with its times as text, however deep they lie in lists, maps and structures; others as they are."""
    types = arrow.types
    if types.is_dictionary(column.type):
        return _plain(arrow, column.dictionary_decode())
    if types.is_duration(column.type):
        unit = column.type.unit
        return arrow.array([None if n is None else f"{n}{unit}" for n in column.cast(arrow.int64()).to_pylist()])

    def in_utc(leaf: Any) -> Any:
        return arrow.timestamp(leaf.unit, "UTC") if types.is_timestamp(leaf) and leaf.tz else leaf

    def as_text(leaf: Any) -> Any:
        return arrow.string() if types.is_timestamp(leaf) or types.is_date(leaf) or types.is_time(leaf) else leaf

    for leaves in (in_utc, as_text):
        wanted = _with_leaves(arrow, column.type, leaves)
        column = column if wanted == column.type else column.cast(wanted)
    return column


def _with_leaves(arrow: Any, kind: Any, leaves: Callable[[Any], Any]) -> Any:
    """A type with its innermost types replaced."""
    types = arrow.types
    if types.is_map(kind):
        key, item = (_with_leaves(arrow, inner, leaves) for inner in (kind.key_type, kind.item_type))
        return arrow.map_(key, item)
    if types.is_list(kind) or types.is_large_list(kind):
        make = arrow.list_ if types.is_list(kind) else arrow.large_list
        return make(kind.value_field.with_type(_with_leaves(arrow, kind.value_type, leaves)))
    if types.is_struct(kind):
        return arrow.struct([field.with_type(_with_leaves(arrow, field.type, leaves)) for field in kind])
    return leaves(kind)


def _is_plain(arrow: Any, kind: Any) -> bool:
    """Whether the values of a type are what JSON has, once its times are text."""
    types = arrow.types
    if types.is_dictionary(kind):
        return _is_plain(arrow, kind.value_type)
    if types.is_map(kind):
        return _is_text(arrow, kind.key_type) and _is_plain(arrow, kind.item_type)
    if types.is_list(kind) or types.is_large_list(kind):
        return _is_plain(arrow, kind.value_type)
    if types.is_struct(kind):
        return all(_is_plain(arrow, field.type) for field in kind)
    is_number = types.is_integer(kind) or types.is_float32(kind) or types.is_float64(kind)
    is_time = types.is_timestamp(kind) or types.is_date(kind) or types.is_time(kind)
    return bool(is_number or is_time or types.is_boolean(kind) or _is_text(arrow, kind))


def _is_text(arrow: Any, kind: Any) -> bool:
    return bool(arrow.types.is_string(kind) or arrow.types.is_large_string(kind))


def _values(arrow: Any, column: Any) -> list[Any]:
    """A column's values. Bytes are text where most of them read as such: some stores do not say which are which."""
    types = arrow.types

    def as_bytes(leaf: Any) -> Any:
        return arrow.binary() if _is_text(arrow, leaf) else leaf

    def as_string(leaf: Any) -> Any:
        return arrow.string() if types.is_binary(leaf) or types.is_large_binary(leaf) else leaf

    try:
        values = _listed(arrow, column)
    except UnicodeDecodeError:
        raw = column.cast(_with_leaves(arrow, column.type, as_bytes))
        return [_decoded(value) for value in _listed(arrow, raw)]
    if _with_leaves(arrow, column.type, as_string) == column.type:
        return values
    pieces = [piece for value in values for piece in _bytes_in(value)]
    # Of random ids of eight bytes one in thousands reads as text.
    is_text = 2 * sum(map(_reads, pieces)) >= len(pieces)
    return [_decoded(value) for value in values] if is_text else values


def _listed(arrow: Any, column: Any) -> list[Any]:
    """Arrow's `to_pylist` (of maps, the last of a key counts), which takes five times as long for what is nested."""
    types, kind = arrow.types, column.type
    found: list[Any]
    if types.is_dictionary(kind):
        inner = _listed(arrow, column.dictionary)
        return [None if index is None else inner[index] for index in column.indices.to_pylist()]
    if types.is_struct(kind):
        members = [_listed(arrow, column.field(number)) for number in range(kind.num_fields)]
        fields = [field.name for field in kind]
        if len(set(fields)) < len(fields):
            return list(column.to_pylist(maps_as_pydicts="lossy"))
        found = [dict(zip(fields, row, strict=True)) for row in zip(*members, strict=True)] or [{} for _ in column]
    elif types.is_map(kind):
        ends = column.offsets.to_pylist()
        # Names come again and again: as one object each they are hashed once.
        names = column.keys.dictionary_encode() if _is_text(arrow, kind.key_type) else column.keys
        keys, items = _listed(arrow, names), _listed(arrow, column.items)
        found = [dict(zip(keys[a:b], items[a:b], strict=True)) for a, b in itertools.pairwise(ends)]
    elif types.is_list(kind) or types.is_large_list(kind):
        ends = column.offsets.to_pylist()
        inner = _listed(arrow, column.values)
        found = [inner[first:end] for first, end in itertools.pairwise(ends)]
    else:
        return list(column.to_pylist())
    if column.null_count:
        found = [value if there else None for value, there in zip(found, column.is_valid().to_pylist(), strict=True)]
    return found


def _bytes_in(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield value
    elif isinstance(value, list | dict):
        for inner in value if isinstance(value, list) else (*value, *value.values()):
            yield from _bytes_in(inner)


def _reads(piece: bytes) -> bool:
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter.isspace() for letter in text)


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, list):
        return [_decoded(inner) for inner in value]
    if isinstance(value, dict):
        return {_decoded(key): _decoded(inner) for key, inner in value.items()}
    return value
