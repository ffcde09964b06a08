"""Lines to signatures, in Python and in the engine."""

from __future__ import annotations

import re

import chdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from deep_code_reasoning.templates import signature_sql, signatures
from deep_code_reasoning.templates.signature import fold_digits

TEXT = st.text(st.one_of(st.sampled_from("0123456789aAfFgxZ.-_:/ =\n\t\x00"), st.characters(exclude_categories=())))
ENCODABLE = st.lists(
    st.text(st.one_of(st.sampled_from("0159aAfFgxZé.-_ \n\t"), st.characters(codec="utf-8"))), max_size=20
)


@pytest.mark.parametrize(
    ("line", "signature"),
    [
        ("took 1500 ms at 10.0.0.17:8080", "took 0 ms at 0:0"),
        ("request 5c9f3a0e-77b1-4d2c-9e00-1f2a3b4c5d6e done", "request 0 done"),
        ("100ms, version 2.4.1-beta", "0ms, version 0-beta"),
        ("2024-01-31 23:59:59,123 worker-12", "0 0:0:0,0 worker-0"),
        ("tab\there\x1aand\x00there", "tab here and there"),
        ("no numbers", "no numbers"),
        ("two\nlines of 2", "two lines of 0"),
        ("", ""),
    ],
)
def test_numbers_and_what_belongs_to_them_become_zero(line: str, signature: str) -> None:
    assert signatures([line]) == [signature]


@given(st.lists(TEXT, max_size=8))
def test_every_line_has_one_signature_and_no_neighbour_changes_it(lines: list[str]) -> None:
    assert signatures(lines) == [signatures([line])[0] for line in lines]
    assert not any("\n" in signature for signature in signatures(lines))


@given(TEXT)
@example("00.5z 0.0z 00x0 0a0b-0.c 1e5-")
def test_a_signature_is_its_own_signature(line: str) -> None:
    once = signatures([line])
    assert signatures(once) == once
    assert signatures(fold_digits([line])) == once


@given(TEXT, st.randoms(use_true_random=False))
def test_other_numbers_give_the_same_signature(line: str, random: object) -> None:
    other = re.sub("[0-9]+", lambda _: str(random.randrange(10 ** random.randrange(1, 25))), line)  # type: ignore[attr-defined]
    assert signatures([other]) == signatures([line])


def in_engine(lines: list[str]) -> list[str]:
    values = ", ".join(f"unhex('{line.encode().hex()}')" for line in lines)
    query = f"SELECT hex({signature_sql('line')}) FROM (SELECT arrayJoin([{values}]) AS line)"
    return [bytes.fromhex(row.strip('"')).decode() for row in str(chdb.query(query, "CSV")).splitlines()]


@settings(deadline=None, max_examples=20)  # the first query starts the engine
@given(ENCODABLE)
@example(["1.5-\tx", "0x1f.e-z", "é5é", "5é-a", "٣1", "9\x1f9", "a\r\nb 10", "\\x00 \\b 'quoted' {p:String}"])
def test_the_engine_makes_the_same_signatures(lines: list[str]) -> None:
    assert in_engine(lines) == signatures(lines) if lines else True
