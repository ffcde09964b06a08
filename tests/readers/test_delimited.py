"""Delimited text: its delimiter, its header, and lines that are no row."""

from __future__ import annotations

from pathlib import Path

import pytest

from deep_code_reasoning.readers.base import EvidenceFile, Head, Unheard
from deep_code_reasoning.readers.delimited import iterate_rows, layout_of, split_row


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_follows_from_the_header(delimiter: str) -> None:
    rows = [["time", "a b", "c"], ["1", "x,y;z" if delimiter in "\t|" else "x", "3"]]
    layout = layout_of(Head("x", "\n".join(delimiter.join(row) for row in rows).encode(), True))
    assert layout is not None
    assert layout.delimiter == delimiter
    assert layout.columns == ("time", "a b", "c")
    assert layout.sample == (tuple(rows[1]),)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a,b\n",
        "one\ntwo\n",
        "a,b\n1\n2\n3\n",
        "a,a\n1,2\n",
        '{"a": 1, "b": 2}\n{"a": 1, "b": 2}\n',
        "a,,c\n1,2,3\n",
    ],
)
def test_what_is_no_table_has_no_layout(text: str) -> None:
    assert layout_of(Head("x", text.encode(), True)) is None


def test_quoted_cells_hold_delimiters_and_quotes() -> None:
    assert split_row('a, "b, ""c""", d', ",") == ["a", 'b, "c"', "d"]
    assert split_row('a,"open', ",") is None


def test_lines_that_are_no_row_are_rejected_with_their_place(tmp_path: Path) -> None:
    content = b'a,b\n1,2\n"open,2\n1,2,3\n\n\xff,2\na,b\n3,4\n'
    path = tmp_path / "table"
    path.write_bytes(content)
    heard: list[tuple[int, str, int]] = []

    class Listener(Unheard):
        def reject(self, source_id: int, line: int, reason: str, excerpt: str = "", offset_bytes: int = -1) -> None:
            heard.append((line, reason, offset_bytes))

    _, rows = iterate_rows(EvidenceFile(1, path, "table", len(content), ""), Listener())
    assert [(row.line, row.offset, row.cells) for row in rows] == [(2, 4, ["1", "2"]), (8, 31, ["3", "4"])]
    assert heard == [
        (3, "quotes that do not close on the line", 8),
        (4, "3 cells under 2 columns", 16),
        (6, "invalid UTF-8 at byte 0 of the line", 23),
    ]
