"""Views of the evidence: bounded, cited, and telling what they leave out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from deep_code_reasoning.domain.citation import Citation
from deep_code_reasoning.domain.instant import NS_PER_MS, NS_PER_S
from deep_code_reasoning.domain.tokens import estimate_tokens
from deep_code_reasoning.errors import CitationError, OutsideRootsError
from deep_code_reasoning.packing.draft import Draft, Line
from deep_code_reasoning.packing.pieces.code import code_piece
from deep_code_reasoning.packing.pieces.code_places import frames
from deep_code_reasoning.packing.pieces.commits import commit_piece
from deep_code_reasoning.packing.pieces.graph import graph
from deep_code_reasoning.packing.pieces.logs import drafts as log_drafts
from deep_code_reasoning.packing.pieces.logs import logs_around
from deep_code_reasoning.packing.pieces.metrics import drafts as metric_drafts
from deep_code_reasoning.packing.pieces.timeline import timeline
from deep_code_reasoning.packing.pieces.traces import choose_traces, trace_piece
from deep_code_reasoning.source import Roots
from scenery import START_NS, Row, System

from .conftest import CULPRIT, TROUBLE, Packable

Build = Callable[[Mapping[str, list[Row]]], Packable]


def span(trace: str, number: int, parent: str, start_ms: float, ms: float, name: str = "SELECT", **more: object) -> Row:
    return {
        "trace_id": trace, "span_id": f"s{number}", "parent_span_id": parent, "service": "shop", "name": name,
        "start_ns": START_NS + round(start_ms * NS_PER_MS), "duration_ns": round(ms * NS_PER_MS), "source_id": 1,
        "line": number + 1, **more,
    }  # fmt: skip


def test_a_draft_is_shortened_by_its_least_lines_and_says_so() -> None:
    lines = tuple(
        Line(f"line {n} says something of some length", (Citation("log", f"a@{n}"),), weight=float(n % 3))
        for n in range(12)
    )
    piece = Draft("log/x", "x", lines, "head", "records").piece(50)
    assert estimate_tokens(piece.text) <= 50
    assert piece.text.startswith("head\n")
    assert "records left out]" in piece.text
    assert all(int(str(c).rpartition("@")[2]) % 3 == 2 for c in piece.citations)
    assert piece.left_out == 8 - len(piece.citations)  # lines without weight are no part of the account


def test_a_trace_is_told_as_calls_with_self_time_and_status(build_case: Callable[..., object]) -> None:
    spans = [
        span("t1", 0, "", 0, 100, "GET /cart", kind="server", attributes={"http.route": "/cart"}),
        span("t1", 1, "s0", 10, 60, "charge", status="error", status_message="declined", host="node-1"),
        span("t1", 2, "s1", 20, 30, "POST /pay"),
    ]
    with build_case({"spans": spans}) as store:  # type: ignore[attr-defined]
        piece = trace_piece(store, "t1", 500)
        with pytest.raises(CitationError):
            trace_piece(store, "gone")
    first, second, third = piece.text.split("\n")[1:]
    assert first == "+0us 100ms (40ms) server shop GET /cart http.route=/cart (s0)"
    assert second == "+10ms . 60ms (30ms) shop@node-1 charge ERROR declined (s1)"
    assert third == "+20ms . . 30ms (30ms) shop POST /pay (s2)"
    assert [str(citation) for citation in piece.citations] == ["span:t1/s0", "span:t1/s1", "span:t1/s2"]


def test_many_like_calls_are_told_together_and_a_loop_of_parents_ends(build_case: Callable[..., object]) -> None:
    calls = [span("t1", n, "s0", n, 0.5, attributes={"db.query.text": f"SELECT {n}"}) for n in range(1, 40)]
    loop = [span("t2", 0, "s1", 0, 1, "a"), span("t2", 1, "s0", 0, 1, "b"), span("t2", 1, "s0", 0, 1, "b")]
    with build_case({"spans": [span("t1", 0, "", 0, 50, "list"), *calls, *loop]}) as store:  # type: ignore[attr-defined]
        piece = trace_piece(store, "t1")
        assert len(trace_piece(store, "t2").text.split("\n")) == 4
    assert len(piece.text.split("\n")) == 4
    assert "38 more calls like it in a row (shop SELECT), 19ms in all" in piece.text


def test_a_failed_span_stays_in_a_trace_that_has_to_be_short(build_case: Callable[..., object]) -> None:
    spans = [span("t1", n, f"s{n - 1}" if n else "", n, 500 - n, f"step {n}") for n in range(300)]
    spans[200]["status"] = "error"
    with build_case({"spans": spans}) as store:  # type: ignore[attr-defined]
        piece = trace_piece(store, "t1", 400)
    assert estimate_tokens(piece.text) <= 400
    assert "step 200 ERROR (s200)" in piece.text
    assert "spans left out]" in piece.text


def test_the_worst_is_a_failed_trace_and_the_healthy_one_is_of_the_calm_stretch(shop: Packable) -> None:
    with shop.subject() as subject:
        chosen = {role: trace_id for role, _, trace_id in choose_traces(subject, "stock", "")}
        worst, healthy = (
            subject.store.query(
                "SELECT max(status) AS s, min(start_ns) AS t FROM spans WHERE trace_id = {t:String}", t=t
            )[0]
            for t in (chosen["worst"], chosen["healthy"])
        )
        assert subject.bad.holds(int(worst["t"]))
        assert subject.calm.holds(int(healthy["t"]))
    assert (worst["s"], healthy["s"]) == ("error", "")


def test_kinds_of_log_records_come_with_counts_calm_and_bad(shop: Packable) -> None:
    with shop.subject() as subject:
        text = "\n".join(draft.piece().text for draft in log_drafts(subject))
    assert re.search(r"^stock error 0 -> (59|60): ERROR StockService#37 cannot reserve item \[log:", text, re.MULTILINE)
    gone = re.search(r"^stock info (\d+) -> (\d+): StockService#34 found", text, re.MULTILINE)
    assert gone is not None  # what no longer comes is told too
    assert int(gone[1]) >= 59
    assert int(gone[2]) <= 1


def test_two_statements_of_one_template_are_told_apart(packable: Build) -> None:
    system = System(requests=30)
    for number, row in enumerate(system.logs):
        row.update(shape=1, body=f"INFO a.b.Cart#{31 + number % 3} done with {number}")
    system.templates = {"<*> done with <*>": 1}
    with packable(system.tables()).subject() as subject:
        text = "\n".join(draft.piece().text for draft in log_drafts(subject))
    assert all(f"Cart#{line}" in text for line in (31, 32, 33))


def test_logs_around_a_moment_are_those_nearest(shop: Packable) -> None:
    with shop.subject() as subject:
        moment = START_NS + 60 * NS_PER_S
        piece = logs_around(subject.store, moment, 200, services=("stock",), span_s=5)
        one_trace = logs_around(subject.store, moment, trace_id="0000003c", span_s=5)
    assert estimate_tokens(piece.text) <= 200
    assert "left out]" in piece.text
    assert " orders " not in piece.text
    assert all(citation.kind == "log" for citation in piece.citations)
    assert 0 < len(one_trace.citations) < 6


def test_metrics_show_levels_series_and_peak(shop: Packable) -> None:
    with shop.subject() as subject:
        (draft,) = (draft for draft in metric_drafts(subject) if draft.key == "metric/suspects")
    text = draft.piece().text
    assert re.search(r"stock cpu %: 2[01][.\d]* -> 90; ", text)
    assert "peak 90 at " in text
    assert estimate_tokens(draft.piece(120).text) <= 120


def test_distributions_show_what_came_since_the_point_before(packable: Build) -> None:
    rows: list[Row] = []
    total = 40_000.0
    for place in range(24):
        total += 100 * (0.4 if place >= 13 else 0.1)
        rows.append(
            {"time_ns": START_NS + 5 * place * NS_PER_S, "service": "stock", "name": "request_duration_seconds",
             "kind": "histogram", "unit": "s", "count": 1_000_000.0 + 100 * place, "sum": total,
             "value": total / (1_000_000 + 100 * place), "source_id": 1, "line": place + 1}
        )  # fmt: skip
    with packable(System(TROUBLE).tables(metrics=rows)).subject() as subject:
        (draft,) = (draft for draft in metric_drafts(subject) if draft.key == "metric/suspects")
    text = draft.piece().text
    assert "stock request_duration_seconds s: 0.1 -> 0.4; " in text
    assert "stock requests a point: 100 -> 100; " in text


def test_the_graph_shows_calls_failures_and_latency_of_both_stretches(shop: Packable) -> None:
    with shop.subject() as subject:
        text = graph(subject).piece().text
    assert "orders -> stock: 60 calls, 0 failed, " in text or "orders -> stock: 59 calls, 0 failed, " in text
    assert "60 failed" in text or "61 failed" in text
    assert "(entry) -> front" in text


def test_the_timeline_places_the_onset_among_the_changes(shop: Packable) -> None:
    with shop.subject() as subject:
        lines = timeline(subject).piece().text.split("\n")
    assert "deploy stock v2 c0ffeec0ffee [deploy:stock@v2]" in lines[0]
    assert "30s before onset" in lines[0]
    assert lines[1].endswith("ONSET (estimated)")


def test_a_commit_comes_with_message_files_and_diff(shop: Packable) -> None:
    with shop.subject() as subject:
        piece = commit_piece(subject.store, Citation("commit", f"shop@{CULPRIT}"))
    assert "Reserve without a lock" in piece.text
    assert "-    lock(item)" in piece.text
    assert f"commit:shop@{CULPRIT}" in map(str, piece.citations)


def test_code_is_shown_with_line_numbers_and_never_from_outside(shop: Packable) -> None:
    roots = Roots((shop.code,))
    piece = code_piece(roots, "stock/reserve.py", 250, 300)
    assert "250     step()" in piece.text
    assert estimate_tokens(piece.text) <= 300
    assert Citation("code", "shop/stock/reserve.py#250") in piece.citations
    assert code_piece(roots, "reserve.py", 1).text == code_piece(roots, "shop/stock/reserve.py", 1).text
    with pytest.raises(OutsideRootsError):
        code_piece(roots, "/etc/passwd")


@pytest.mark.parametrize(
    ("text", "path", "line"),
    [
        ('  File "/app/src/cart.py", line 142, in total', "/app/src/cart.py", 142),
        ("\tat com.shop.cart.CartService.total(CartService.java:88)", "com/shop/cart/CartService.java", 88),
        ("    at total (/srv/app/cart.js:12:7)", "/srv/app/cart.js", 12),
        ("\t/go/src/shop/cart.go:55 +0x1d", "/go/src/shop/cart.go", 55),
        ("   at Shop.Cart.Total() in C:\\src\\Cart.cs:line 31", "C:/src/Cart.cs", 31),
        ("app/models/cart.rb:9:in `total'", "app/models/cart.rb", 9),
        ("panicked at src/cart.rs:77:5", "src/cart.rs", 77),
    ],
)
def test_frames_of_stack_traces_are_found(text: str, path: str, line: int) -> None:
    assert [(place.path, place.line) for place in frames(text)][:1] == [(path, line)]
