"""What a signal of OTLP (traces, logs, metrics) is to the engine: what to extract, how to lay it flat, where it goes.

The engine extracts a document's list of resources, lays its records flat (one row each, with what its resource and
scope say) and hands them on to the tables. A line whose records cannot be taken goes along as text, to be put aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..store.intake import Aside, Output, Step
from .otlp_sql import has_lists, whos

ORIGIN: Final = "source_id UInt32, line UInt64, item UInt32"
ASIDE: Final = Aside(
    "source_id UInt32, line UInt64, text String, done String",
    "SELECT source_id, line, rest AS text, done FROM intake WHERE notEmpty(rest)",
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a flat row: its type, and the expression that gives it."""

    name: str
    type: str
    value: str


@dataclass(frozen=True, slots=True)
class Pieces:
    """Parts of records with a table of their own, kept as JSON text until all records are read.

    Attributes:
        table: the table.
        column: the flat column that holds the text.
        select: the SELECT of the table's columns, `FROM pieces`.
    """

    table: str
    column: str
    select: str

    def select_from(self, pieces: str) -> str:
        """The SELECT over the table of records that have such parts."""
        return self.select.replace("FROM pieces", f"FROM {pieces}")


@dataclass(frozen=True, slots=True)
class Signal:
    """One signal.

    Attributes:
        name: traces, logs or metrics.
        member: the usual name of a document's list of resources.
        type: the list's type, as far as it is taken.
        records: an expression of `resources`: all records of a line in one array.
        strange: an expression of `resources`: whether the line holds something that only the thorough way takes.
        spreads: what is repeated for each record: names, and arrays as long as `records`, of `resources` and of
            `whos`, what each resource says of whose records they are (see `otlp_sql.who`).
        columns: the flat columns, of `record` and the spreads.
        bad: an expression of the flat columns: why a record cannot be taken, or ''.
        excerpt: an expression of the flat columns: what a rejected record is shown by.
        table: where its records go.
        pieces: parts of records that are read in a second step.
        keys: the flat columns, of text, that go with the pieces.
        unwritten: flat columns that are only for `bad`.
        base64: an expression of `resources`: whether some ids are base64.
        lists: an expression of `resources`: whether some attributes of records (or bodies) are arrays or maps.
    """

    name: str
    member: str
    type: str
    records: str
    strange: str
    spreads: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    bad: str
    excerpt: str
    table: str
    pieces: tuple[Pieces, ...] = ()
    keys: tuple[str, ...] = ()
    unwritten: tuple[str, ...] = ()
    base64: str = "0"
    lists: str = "0"

    @property
    def structure(self) -> str:
        """The columns of a flat row."""
        own = ", ".join(f"{column.name} {column.type}" for column in self.columns)
        return f"{own}, {ORIGIN}, taken UInt8, rest String, done String"

    def steps(self, parsed: str, base64: bool, lists: bool) -> tuple[Step, Step]:
        """From parsed lines to a row a line that has its records, and all that goes with them, as arrays.

        Args:
            parsed: a SELECT of `source_id`, `line`, `text`, `resources`, `more` (whether the line has lists of other
                signals, too) and `before` (which signals of the line were taken before).
            base64: whether ids may be base64; if not, lines that have such are put aside.
            lists: whether attributes and bodies may be arrays and maps; if not, lines that have such are put aside.
        """
        strange = [self.strange]
        if not base64:
            strange.append(self.base64)
        if not lists:
            strange += [self.lists, has_lists("resources.resource.attributes.value")]
        spreads = ", ".join(f"arrayResize({value}, size) AS all_{name}" for name, value in self.spreads)
        found = f"SELECT *, {self.records} AS found, greatest(length(found), 1) AS size, {whos('resources')} AS whos"
        # The text is as long as the line: it must not be repeated for each record, so the first one carries it.
        arrays = f"""
            SELECT source_id, line, before, arrayResize(found, size) AS records,
                arrayResize(arrayEnumerate(found), size) AS numbers, {spreads},
                toUInt8(NOT ({" OR ".join(strange)})) AS whole,
                arrayResize([if(whole AND NOT more AND notEmpty(found), '', text)], size) AS firsts
            FROM documents"""
        return Step("documents", f"{found} FROM ({parsed})"), Step("arrays", arrays)

    def flat(self) -> str:
        """A SELECT of the flat rows of the step `arrays`."""
        own = ", ".join(f"{column.value} AS {column.name}" for column in self.columns)
        joined = ", ".join(f"all_{name} AS {name}" for name, _ in self.spreads)
        # A line without records still is a row: LEFT ARRAY JOIN copies records one by one for that, where arrays that
        # are never empty are copied as a whole.
        # ARRAY JOIN takes names alone: it analyses an expression anew for each mention of it.
        return f"""
            SELECT {own}, source_id, line, toUInt32(greatest(number, 1) - 1) AS item,
                whole AND number > 0 AS taken, first AS rest, concat(before, if(taken, ' {self.name}', '')) AS done
            FROM arrays
            ARRAY JOIN records AS record, numbers AS number, firsts AS first, {joined}"""

    def outputs(self) -> tuple[Output, ...]:
        """What becomes of the flat rows."""
        apart = {*self.unwritten, *(pieces.column for pieces in self.pieces)}
        own = ", ".join(column.name for column in self.columns if column.name not in apart)
        return (
            Output(self.table, f"SELECT {own}, source_id, line, item FROM intake WHERE taken AND {self.bad} = ''"),
            Output(
                "rejected",
                f"SELECT source_id, line, toInt64(-1) AS offset_bytes, {self.bad} AS reason, "
                f"substringUTF8({self.excerpt}, 1, 200) AS excerpt FROM intake WHERE taken AND {self.bad} != ''",
            ),
        )

    def asides(self) -> tuple[Aside, ...]:
        """What is put aside: whole lines, and what has pieces of the records that have some."""
        if not self.pieces:
            return (ASIDE,)
        some = " OR ".join(f"notEmpty({pieces.column})" for pieces in self.pieces)
        names = (*self.keys, *(pieces.column for pieces in self.pieces))
        return (
            ASIDE,
            Aside(
                f"{', '.join(f'{name} String' for name in names)}, {ORIGIN}",
                f"SELECT {', '.join(names)}, source_id, line, item FROM intake "
                f"WHERE taken AND {self.bad} = '' AND ({some})",
            ),
        )
