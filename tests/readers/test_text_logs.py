"""Plain-text logs: times placed by their neighbours, lines joined, senders told apart, nothing lost."""

from __future__ import annotations

import string
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.domain.instant import NS_PER_S, format_instant, parse_instant
from deep_code_reasoning.readers import text_logs
from deep_code_reasoning.readers.base import EvidenceFile, Head, read_head
from deep_code_reasoning.readers.log_clock import Clock
from deep_code_reasoning.readers.log_headers import HeaderReader
from deep_code_reasoning.readers.log_layouts import learn
from deep_code_reasoning.readers.log_lines import LineJoiner
from deep_code_reasoning.store import CaseWriter, open_case

DAY = "2026-06-18T14:00:00"


def instant(text: str) -> int:
    ns = parse_instant(text)
    assert ns is not None
    return ns


def rows_of(
    folder: Path, files: dict[str, str], spans: list[dict[str, Any]] | None = None, anchor_ns: int | None = None
) -> tuple[dict[str, list[dict[str, Any]]], dict[str, str]]:
    """The log rows of some text files, by file, without empty cells; and the notes. `spans` were read before."""
    evidence = []
    for number, (name, text) in enumerate(files.items(), start=1):
        path = folder / "evidence" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        evidence.append(EvidenceFile(number, path, name, path.stat().st_size, ""))
    with CaseWriter(folder / "case") as writer:
        writer.anchor_ns = anchor_ns
        writer.rows("spans", spans or [])
        text_logs.READER.read(evidence, writer)
        writer.commit(CaseInfo("test"))
        notes = {file.name: writer.notes.get(file.source_id, "") for file in evidence}
    with open_case(folder / "case") as store:
        rows = store.query("SELECT * EXCEPT (shape) FROM logs ORDER BY source_id, line")
    by_file: dict[str, list[dict[str, Any]]] = {name: [] for name in files}
    for row in rows:
        name = evidence[row.pop("source_id") - 1].name
        row["time"] = format_instant(row.pop("time_ns"))
        by_file[name].append({column: cell for column, cell in row.items() if cell not in ("", 0, {}, [], None)})
    return by_file, notes


def times_of(rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(row["time"], row.get("time_guess", "")) for row in rows]


# --- times ------------------------------------------------------------------------------------------------------

CLOCK_ONLY = "22:00:00.125 INFO  a.Orders#1 placed\n22:00:01.125 WARN  a.Orders#2 slow\n"


def test_a_clock_without_date_and_zone_is_placed_where_the_other_evidence_is(tmp_path: Path) -> None:
    spans = [{"trace_id": "t", "start_ns": instant(DAY) + n * NS_PER_S} for n in range(60)]
    rows, notes = rows_of(tmp_path, {"orders.log": CLOCK_ONLY}, spans)
    assert rows["orders.log"] == [
        {
            "time": f"{DAY}.125Z",
            "time_guess": "date,zone",
            "service": "orders",
            "severity": "info",
            "body": "placed",
            "scope": "a.Orders#1",
            "line": 1,
        },
        {
            "time": "2026-06-18T14:00:01.125Z",
            "time_guess": "date,zone",
            "service": "orders",
            "severity": "warn",
            "body": "slow",
            "scope": "a.Orders#2",
            "line": 2,
        },
    ]
    assert notes == {"orders.log": "its clock is taken as UTC+08:00, by the other evidence"}


def test_traces_that_the_lines_name_tell_the_zone_to_the_quarter_of_an_hour(tmp_path: Path) -> None:
    traces = [f"{n:032x}" for n in range(1, 5)]
    lines = [f"19:45:{10 * n:02d}.000 INFO a.B TraceID: {trace} ok" for n, trace in enumerate(traces)]
    # Spans of a whole day: their range alone would allow any zone.
    spans = [
        {"trace_id": trace, "start_ns": instant(DAY) + 10 * n * NS_PER_S - 5_000_000} for n, trace in enumerate(traces)
    ]
    spans += [
        {"trace_id": "f" * 32, "start_ns": instant("2026-06-18T00:00:00Z") + n * 3600 * NS_PER_S} for n in range(24)
    ]
    rows, notes = rows_of(tmp_path, {"b.log": "\n".join(lines)}, spans)
    assert times_of(rows["b.log"]) == [(f"2026-06-18T14:00:{10 * n:02d}Z", "date,zone") for n in range(4)]
    assert [row["trace_id"] for row in rows["b.log"]] == traces
    assert notes["b.log"] == "its clock is taken as UTC+05:45, by the traces that its lines name"


def test_dated_lines_date_the_file_they_are_in_and_other_files(tmp_path: Path) -> None:
    mixed = "2026-06-18T23:59:58Z boot\n23:59:59 INFO late\n00:00:01 INFO early\n"
    rows, _ = rows_of(tmp_path, {"mixed.log": mixed, "other.log": "Jun 18 23:59:00 web1 sshd[1]: hello\n"})
    assert times_of(rows["mixed.log"]) == [
        ("2026-06-18T23:59:58Z", ""),
        ("2026-06-18T23:59:59Z", "date,zone"),
        ("2026-06-19T00:00:01Z", "date,zone"),
    ]
    assert times_of(rows["other.log"]) == [("2026-06-18T23:59:00Z", "date,zone")]


def test_a_date_in_the_name_dates_a_clock(tmp_path: Path) -> None:
    rows, _ = rows_of(tmp_path, {"orders-2026-06-18.log": CLOCK_ONLY})
    assert times_of(rows["orders-2026-06-18.log"])[0] == ("2026-06-18T22:00:00.125Z", "date,zone")
    assert rows["orders-2026-06-18.log"][0]["service"] == "orders"


def test_years_roll_over_where_the_days_do(tmp_path: Path) -> None:
    text = "Dec 31 23:59:59 web1 cron[1]: a\nJan  1 00:00:01 web1 cron[1]: b\nFeb 28 12:00:00 web1 cron[1]: c\n"
    rows, _ = rows_of(tmp_path, {"cron.log": text}, anchor_ns=instant("2027-01-01T06:00:00Z"))
    assert [time for time, _ in times_of(rows["cron.log"])] == [
        "2026-12-31T23:59:59Z",
        "2027-01-01T00:00:01Z",
        "2027-02-28T12:00:00Z",
    ]


def test_with_nothing_to_go_by_distances_in_time_are_right_and_the_note_says_it(tmp_path: Path) -> None:
    rows, notes = rows_of(tmp_path, {"orders.log": CLOCK_ONLY})
    assert times_of(rows["orders.log"]) == [
        ("1970-01-01T22:00:00.125Z", "date,zone"),
        ("1970-01-01T22:00:01.125Z", "date,zone"),
    ]
    assert notes["orders.log"] == "its times have no date and nothing else says it: placed in 1970"


def test_a_zone_is_only_guessed_for_a_file_that_lies_outside_the_other_evidence(tmp_path: Path) -> None:
    spans = [{"trace_id": "t", "start_ns": instant(DAY) + n * NS_PER_S} for n in range(600)]
    inside = "2026-06-18 14:05:00 INFO a\n2026-06-18 14:06:00 INFO b\n"
    outside = "2026-06-18 16:05:00 INFO a\n2026-06-18 16:06:00 INFO b\n"
    far = "2026-06-17 03:05:00 INFO a\n2026-06-17 03:06:00 INFO b\n"
    rows, notes = rows_of(tmp_path, {"in.log": inside, "outside.log": outside, "far.log": far}, spans)
    assert [rows[name][0]["time"] for name in rows] == [
        "2026-06-18T14:05:00Z",
        "2026-06-18T14:05:00Z",
        "2026-06-17T03:05:00Z",
    ]
    assert {row["time_guess"] for name in rows for row in rows[name]} == {"zone"}
    assert notes == {
        "in.log": "",
        "outside.log": "its clock is taken as UTC+02:00, by the other evidence",
        "far.log": "",
    }


# --- records ----------------------------------------------------------------------------------------------------

PYTHON = f"""{DAY}Z ERROR shop: order failed
Traceback (most recent call last):
  File "/app/place.py", line 41, in place
    raise ValueError(item)

ValueError: no stock
{DAY}Z INFO shop: next
"""
GO = f"""{DAY}Z INFO serving
panic: runtime error: index out of range [5]

goroutine 1 [running]:
main.place(0x1)
	/src/place.go:41 +0x1d
exit status 2
"""


def test_stack_traces_belong_to_the_record_before_them(tmp_path: Path) -> None:
    rows, _ = rows_of(tmp_path, {"python.log": PYTHON, "go.log": GO})
    assert [(row["line"], row["body"]) for row in rows["python.log"]] == [
        (
            1,
            'order failed\nTraceback (most recent call last):\n  File "/app/place.py", line 41, in place\n'
            "    raise ValueError(item)\nValueError: no stock",
        ),
        (7, "next"),
    ]
    assert [row["line"] for row in rows["go.log"]] == [1]
    assert rows["go.log"][0]["body"].endswith("main.place(0x1)\n\t/src/place.go:41 +0x1d\nexit status 2")


def test_without_headers_only_what_looks_like_a_trace_is_joined() -> None:
    joiner = LineJoiner(HeaderReader([], Clock()), {})
    lines = ["ready", "panic: boom", "", "goroutine 1 [running]:", "main.f()", "\t/x.go:1", "listening", "ready"]
    joiner.add_lines(1, lines)
    assert [row["body"] for row in joiner.take(end=True)] == [
        "ready",
        "panic: boom\ngoroutine 1 [running]:\nmain.f()\n\t/x.go:1",
        "listening",
        "ready",
    ]


def test_a_record_is_bounded_and_what_is_over_begins_another() -> None:
    joiner = LineJoiner(HeaderReader(learn([f"{DAY}Z INFO a"]), Clock()), {})
    joiner.add_lines(1, [f"{DAY}Z INFO a", *(f"\tat frame {n}" for n in range(2500))])
    rows = joiner.take(end=True)
    assert [row["line"] for row in rows] == [1, 1002, 2003]
    assert [row["time_guess"] for row in rows] == ["", "neighbour", "neighbour"]
    assert sum(row["body"].count("frame") for row in rows) == 2500


def test_the_level_on_the_second_line_is_the_records(tmp_path: Path) -> None:
    text = "Jun 18, 2026 2:00:00 PM com.shop.Orders place\nSEVERE: no stock\n"
    rows, _ = rows_of(tmp_path, {"jul.log": text})
    assert (rows["jul.log"][0]["severity"], rows["jul.log"][0]["body"]) == ("error", "place\nSEVERE: no stock")


def test_senders_that_share_a_file_are_told_apart(tmp_path: Path) -> None:
    cart = (f"cart-1  | {DAY}Z ERROR boom", "cart-1  |   at frame")
    web = (f"web-2   | {DAY}Z INFO served", f"web-2   | {DAY}Z INFO again")
    text = "\n".join((cart[0], web[0], cart[1], web[1]))
    rows, _ = rows_of(tmp_path, {"compose.txt": text})
    assert [(row["service"], row["instance"], row["line"], row["body"]) for row in rows["compose.txt"]] == [
        ("cart", "cart-1", 1, "boom\n  at frame"),
        ("web", "web-2", 2, "served"),
        ("web", "web-2", 4, "again"),
    ]


@pytest.mark.parametrize(
    ("name", "service", "instance"),
    [
        ("checkoutservice.log", "checkoutservice", ""),
        ("logs/checkout/app.log.1", "checkout", ""),
        ("checkout-service-2026-06-18.log", "checkout-service", ""),
        ("orders.error.log", "orders", ""),
        ("app.log", "", ""),
        ("2026-06-18/messages", "", ""),
        ("shop_cart-7d9c6b5f4-x2x5z_0a1b2c3d-aaaa/server/0.log", "cart", "cart-7d9c6b5f4-x2x5z"),
        ("cart-0_shop_server-0123456789abcdef.log", "cart", "cart-0"),
    ],
)
def test_the_service_is_what_the_path_says_and_never_invented(
    tmp_path: Path, name: str, service: str, instance: str
) -> None:
    rows, _ = rows_of(tmp_path, {name: f"{DAY}Z INFO hello\n"})
    assert (rows[name][0].get("service", ""), rows[name][0].get("instance", "")) == (service, instance)


# --- encodings and formats ----------------------------------------------------------------------------------------


def test_a_file_in_a_legacy_encoding_is_read_whole(read_evidence: Any) -> None:
    text = f"{DAY}Z INFO Grüße\n{DAY}Z INFO für alle\n{DAY}Z INFO ok\n"
    outcome = read_evidence("plain-log", {"orders.log": text.encode("cp1252")})["orders.log"]
    assert [row["body"] for row in outcome.rows] == ["Grüße", "für alle", "ok"]
    assert outcome.rejected == []
    assert outcome.note == "read as cp1252: it is no UTF-8"


def test_colours_of_terminals_are_gone(tmp_path: Path) -> None:
    rows, _ = rows_of(
        tmp_path, {"x.log": f"\x1b[2m{DAY}Z\x1b[0m \x1b[32m INFO\x1b[0m shop::orders: placed \x1b[1mid\x1b[0m=7\n"}
    )
    assert (rows["x.log"][0]["severity"], rows["x.log"][0]["body"]) == ("info", "placed id=7")


def test_a_line_that_is_too_long_is_rejected_and_those_around_it_are_kept(read_evidence: Any) -> None:
    text = f"{DAY}Z INFO before\n".encode() + b"x" * (17 * 1024 * 1024) + f"\n{DAY}Z INFO after\n".encode()
    outcome = read_evidence("plain-log", {"orders.log": text})["orders.log"]
    assert [(row["line"], row["body"]) for row in outcome.rows] == [(1, "before"), (3, "after")]
    assert [(piece["line"], piece["offset_bytes"]) for piece in outcome.rejected] == [(2, 33)]
    assert outcome.rejected[0]["reason"] == "a line of 17825792 bytes; the limit for text is 16777216"


@pytest.mark.parametrize(
    "text",
    [
        "time,service,value\n2026-06-18T14:00:00Z,cart,1\n2026-06-18T14:01:00Z,cart,2\n",
        '{"a": 1}\n{"a": 2}\n',
        "# Notes\n\nThe incident began on 2026-06-18 14:00:00 and was noticed late.\n\n- one\n- two\n- three\n- four\n",
        "<html><body>2026-06-18</body></html>",
        "def place():\n    return 1\n",
    ],
)
def test_what_is_no_log_is_left_alone(text: str) -> None:
    assert text_logs.READER.sniff(Head("x.log", text.encode(), True)) < 0.3


def test_real_system_logs_are_taken_for_logs(labelled_data: Path) -> None:
    for path in sorted(labelled_data.glob("loghub/*/*_2k.log")):
        assert text_logs.READER.sniff(read_head(path)[0]) >= 0.5, path.name


WORDS = st.text(string.ascii_letters + string.digits + " =:[]{}()-.,|\"'äß\t", max_size=30)
LINES = st.lists(
    st.builds(
        lambda prefix, text: prefix + text,
        st.sampled_from(
            (
                f"{DAY}Z INFO ",
                f"{DAY}Z [main] ERROR a.B: ",
                "14:00:00.125 WARN ",
                "\tat ",
                "",
                "Jun 18 14:00:00 h p[1]: ",
            )
        ),
        WORDS,
    ),
    min_size=1,
    max_size=30,
)


@given(LINES)
@settings(max_examples=150, deadline=None)
def test_no_line_is_lost(lines: list[str]) -> None:
    marked = [f"{line} mark{number}." for number, line in enumerate(lines)]
    joiner = LineJoiner(HeaderReader(learn(marked), Clock()), {})
    half = len(marked) // 2
    joiner.add_lines(1, marked[:half])
    rows = joiner.take()
    joiner.add_lines(half + 1, marked[half:])
    rows += joiner.take(end=True)
    told = [(row["line"], f"{row['body']}\n{row.get('attributes', '')}{row.get('scope', '')}") for row in rows]
    starts = sorted(line for line, _ in told)
    assert starts[0] == 1
    for number in range(len(marked)):
        home = max(start for start in starts if start <= number + 1)
        assert any(f"mark{number}." in text for line, text in told if line == home)
