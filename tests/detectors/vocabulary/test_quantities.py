"""Numbers in code, with their units and owners."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.quantities import parse_quantity, settings


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("ctx, cancel := context.WithTimeout(ctx, 5*time.Second)", [("context.WithTimeout", "5 s")]),
        ("ctx.set_deadline(now() + std::chrono::milliseconds(250));", [("ctx.set_deadline", "250 ms")]),
        ("maximum-pool-size: 40", [("maximum-pool-size", "40")]),
        (
            "var D = Policy{MaxAttempts: 8, BaseDelay: 5 * time.Millisecond}",
            [("MaxAttempts", "8"), ("BaseDelay", "5 ms")],
        ),
        ("private val t = Duration.ofSeconds(5)", [("t", "5 s")]),
        ("TTL_SECONDS: int = 30", [("TTL_SECONDS", "30")]),
        ("const chunkSize = 4 << 20", [("chunkSize", "4194304")]),
        ('  memory: "512Mi"', [("memory", "512 MiB")]),
        ("    size = min(size, 100)", [("size", "100")]),
        ("let n = std::cmp::min(n, 64);", [("n", "64")]),
        ("limit_req_zone $host rate=30r/m;", [("rate", "0.5")]),
        ("threads 16, 16", [("threads", "16"), ("threads", "16")]),
        ("pool: { max: 10, min: 2, acquire: 30000 }", [("max", "10"), ("min", "2"), ("acquire", "30000")]),
        ("ENV NODE_OPTIONS=--max-old-space-size=4096", [("max-old-space-size", "4096")]),
        ("java -Xmx2g -jar app.jar", [("Xmx", "2 GiB")]),
        ('"mongodb": "^4.17.0",', []),
        ("x1 = y2", []),
    ],
)
def test_numbers_belong_to_names(code: str, expected: list[tuple[str, str]]) -> None:
    assert [(setting.owner, setting.show()) for setting in settings(code)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("300ms", (300.0, "ms")),
        ("5 s", (5000.0, "ms")),
        ("256Mi", (268435456.0, "bytes")),
        ("40", (40.0, "")),
        ("500r/s", (500.0, "")),
        ("120rpm", (2.0, "")),
        ("red", None),
    ],
)
def test_quantities_have_units(text: str, expected: tuple[float, str] | None) -> None:
    assert parse_quantity(text) == expected
