"""What is counted since a start, where two stretches are compared: in levels, and not as it grew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from deep_code_reasoning.app.comparison import compare_windows
from deep_code_reasoning.app.ingest import Evidence
from deep_code_reasoning.app.investigate import investigate
from deep_code_reasoning.domain.instant import format_instant

START_S, EVERY_S, POINTS, ONSET = 1_780_000_000, 15, 80, 50


def export(folder: Path) -> None:
    """Two services that have run for days; of one, requests take three times as long from point 50 on."""
    lines = ["# TYPE request_duration_seconds summary"]
    for name, slow in (("pricing", 3.0), ("stock", 1.0)):
        count, total = 1_000_000, 50_000.0
        for place in range(POINTS):
            came = 300 + place * 7 % 20
            count, total = count + came, total + came * 0.05 * (slow if place >= ONSET else 1.0)
            at = (START_S + place * EVERY_S) * 1000
            lines.append(f'request_duration_seconds_sum{{service="{name}"}} {total:.3f} {at}')
            lines.append(f'request_duration_seconds_count{{service="{name}"}} {count} {at}')
    (folder / "metrics.prom").write_text("\n".join(lines) + "\n")


def stretch(first: int, last: int) -> tuple[str, str]:
    return tuple(format_instant((START_S + place * EVERY_S) * 10**9) for place in (first, last))  # type: ignore[return-value]


def test_a_comparison_tells_what_one_request_took(tmp_path: Path) -> None:
    export(tmp_path)
    case = investigate(Evidence((tmp_path,))).case.id
    told = compare_windows(case, stretch(1, ONSET), stretch(ONSET + 1, POINTS), "")["metrics"]
    assert told[0]["service"] == "pricing"
    assert told[0]["metric"] == "request_duration_seconds"
    assert told[0]["median_a"] == pytest.approx(0.05, rel=0.01)
    assert told[0]["median_b"] == pytest.approx(0.15, rel=0.01)
    assert json.dumps(told).count("request_duration_seconds") == 1
    stock = compare_windows(case, stretch(1, ONSET), stretch(ONSET + 1, POINTS), "stock")["metrics"]
    assert [row["metric"] for row in stock] == ["requests"]
