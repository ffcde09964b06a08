"""Every reader is fed mutilated evidence: nothing crashes, nothing hangs, nothing is lost without a rejected row.

One example is a handful of mutilated files beside an intact one, read in one call; the intact one must come out as if
it were alone. `DCR_FUZZ_EXAMPLES` sets how many examples a format gets.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from deep_code_reasoning.readers.base import Head, Reader, detect_compression
from deep_code_reasoning.readers.registry import choose, readers

EXAMPLES = int(os.environ.get("DCR_FUZZ_EXAMPLES", "4"))
# Many files a call: readers that hand files to the engine pay for the call.
FILES = 24
# One call reads some tens of kilobytes; a machine under load takes a second for it.
MAX_SECONDS = 30

Draw = Callable[[st.SearchStrategy[Any]], Any]

# A value of JSON at its simplest, where it is a value and no name.
SCALAR = re.compile(rb'(?<=[:\[,\s])(?:"(?:[^"\\\n]|\\.)*"(?!\s*:)|-?\d[\d.eE+-]*|true|false|null)(?=[\s,\]}]|$)')
STRANGE = tuple(
    text.encode()
    for text in (
        *("null", "true", "0", "-1", "1e400", "-0.0", "NaN", "9" * 30, "1e18", "18446744073709551615"),
        *('""', '"x"', '"same"', '"\\ud800"', '"\\u0000"', '"-5"', '"1e400"', '"9999-12-31T23:59:60Z"'),
        *("[]", "{}", "[[]]", '[{"key": 1}]', '{"key": null}', '{"stringValue": {}}', '{"values": [1]}'),
    )
)
FRAGMENTS = (
    b"\0",
    b"\xff",
    b"\xc3",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"\n",
    b"\r",
    b"\t",
    b"=",
    b"\x1f\x8b",
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def place(draw: Draw, data: bytes) -> int:
    return int(draw(st.integers(0, len(data))))


def flip_a_byte(draw: Draw, data: bytes) -> bytes:
    at = place(draw, data)
    return data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]


def cut_off(draw: Draw, data: bytes) -> bytes:
    return data[: place(draw, data)]


def cut_out(draw: Draw, data: bytes) -> bytes:
    at = place(draw, data)
    return data[:at] + data[at + draw(st.integers(1, 40)) :]


def put_in(draw: Draw, data: bytes) -> bytes:
    at = place(draw, data)
    return data[:at] + draw(st.sampled_from(FRAGMENTS)) + data[at:]


def repeat_a_line(draw: Draw, data: bytes) -> bytes:
    lines = data.split(b"\n")
    at = draw(st.integers(0, len(lines) - 1))
    return b"\n".join([*lines[:at], lines[at], *lines[at:]])


def move_a_line(draw: Draw, data: bytes) -> bytes:
    lines = data.split(b"\n")
    line = lines.pop(draw(st.integers(0, len(lines) - 1)))
    lines.insert(draw(st.integers(0, len(lines))), line)
    return b"\n".join(lines)


def replace_a_scalar(draw: Draw, data: bytes) -> bytes:
    found = list(SCALAR.finditer(data))
    if not found:
        return flip_a_byte(draw, data)
    match = draw(st.sampled_from(found))
    return data[: match.start()] + draw(st.sampled_from(STRANGE)) + data[match.end() :]


def replace_a_value(draw: Draw, data: bytes) -> bytes:
    """Put a random value of JSON in the place of any other, in a document or in one of its lines."""
    lines = data.split(b"\n")
    number = draw(st.integers(0, len(lines) - 1))
    for part in (data, lines[number]):
        try:
            value = json.loads(part)
        except ValueError:
            continue
        changed = json.dumps(replaced(draw, value)).encode()
        if part is data:
            return changed
        return b"\n".join([*lines[:number], changed, *lines[number + 1 :]])
    return replace_a_scalar(draw, data)


def replaced(draw: Draw, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 9)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: replaced(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 9)):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], replaced(draw, value[at]), *value[at + 1 :]]
    return draw(JSON)


TEXT_MUTATIONS = (
    flip_a_byte, cut_off, cut_out, put_in, repeat_a_line, move_a_line, replace_a_scalar, replace_a_value,
)  # fmt: skip
BINARY_MUTATIONS = (flip_a_byte, cut_off, cut_out, put_in)


def mutilated(draw: Draw, case: Any) -> bytes:
    data: bytes = case.data
    for _ in range(draw(st.integers(1, 3))):
        mutate = draw(st.sampled_from(TEXT_MUTATIONS if case.is_text else BINARY_MUTATIONS))
        data = mutate(draw, data) if data else data
    return data


def test_nothing_crashes_hangs_or_is_lost(reader: Reader, cases_of: Any, read_evidence: Any) -> None:
    cases = cases_of(reader.format)

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        # Without shrinking: the few mutations of an example are plain enough, and each step would read files anew.
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(data=st.data())
    def check(data: st.DataObject) -> None:
        intact = data.draw(st.sampled_from(cases))
        drawn = [data.draw(st.sampled_from(cases)) for _ in range(FILES)]
        mutants = {f"{number}/{case.path.name}": mutilated(data.draw, case) for number, case in enumerate(drawn)}
        started = time.perf_counter()
        outcomes = read_evidence(reader.format, {**mutants, f"intact/{intact.path.name}": intact.data})
        assert time.perf_counter() - started < MAX_SECONDS
        for case, (name, content) in zip(drawn, mutants.items(), strict=True):
            look_at(case, content, outcomes[name])
        golden = json.loads(intact.golden.read_text("utf-8"))
        assert outcomes[f"intact/{intact.path.name}"].as_golden() == golden

    check()


def test_no_sniffer_raises_on_any_bytes(all_reader_cases: Any) -> None:
    @settings(max_examples=10 * EXAMPLES, derandomize=True, database=None, deadline=None, phases=[Phase.generate])
    @given(data=st.data(), complete=st.booleans())
    def check(data: st.DataObject, complete: bool) -> None:
        if data.draw(st.booleans()):
            content = mutilated(data.draw, data.draw(st.sampled_from(all_reader_cases)))
        else:
            content = data.draw(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: text.encode()))
        head = Head("evidence", content, complete)
        assert all(0 <= reader.sniff(head) <= 1 for reader in readers()), content
        choose(head)

    check()


def look_at(case: Any, content: bytes, outcome: Any) -> None:
    if detect_compression(content):
        assert outcome.rejected
        return
    lines = content.split(b"\n")
    for row in () if case.is_summed_up else (*outcome.rows, *outcome.rejected):
        assert row["line"] <= len(lines), content
    for row in () if case.is_summed_up else outcome.rows:
        assert lines[row["line"] - 1].strip() or not case.is_text, content
    assert all(piece["reason"].strip() for piece in outcome.rejected)
    if case.has_lines:
        assert case.lost_lines(content, outcome) == [], content
    elif re.search(rb"[^\s\[\]{},]", content) and not re.search(rb"\[[\s,]*\]", content):
        assert outcome.rows or outcome.rejected, content
