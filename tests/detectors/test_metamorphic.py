"""What must not matter to any detector, tried on all of them at once.

The order of rows, a service that has nothing to do with it, another name for every service, another hash seed.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.instant import NS_PER_MS
from deep_code_reasoning.ranking.localise import localise
from deep_code_reasoning.store import CaseStore
from scenery import Row, System, Trouble, series

Build = Callable[..., AbstractContextManager[CaseStore]]
Tables = Mapping[str, list[Row]]
CPU = [20.0 + place * 7 % 5 for place in range(40)] + [97.0, 98.0, 99.0, 98.0]
TROUBLES = {
    "calm": Trouble(onset_s=1e9),
    "stops": Trouble(onset_s=70, stock_stops=True),
    "stops at all times": Trouble(onset_s=0, stock_stops=True),
    "errors": Trouble(onset_s=70, stock_error="no such item", stock_fails="no such item"),
    "network": Trouble(onset_s=70, way_to_stock_ms=200),
    "processor": Trouble(onset_s=70, stock_work_ms=150),
    "dependency": Trouble(onset_s=70, orders_error="stock does not answer"),
}


@dataclass(frozen=True)
class Answer:
    """Everything that was found, but for the places of rows in their file."""

    found: list[tuple[object, ...]]
    suspects: list[tuple[str, str, float, str | None, tuple[str, ...]]]
    checks: list[tuple[str, str]]
    onset_ns: int


def answer(build: Build, tables: Tables) -> Answer:
    with build(tables) as store:
        scene, findings, checks = runner.look(store, None)
        assert scene is not None
        found: list[tuple[object, ...]] = [
            (f.code, f.mechanism, f.service, f.summary, f.confidence, f.severity, f.window, f.code_region, f.resource)
            for f in findings
        ]
        suspects = localise(scene, findings)
        return Answer(
            found,
            [(s.service, s.mechanism, s.score, s.code_region, s.victims) for s in suspects],
            [(check.detector, check.verdict) for check in checks],
            scene.windows.onset_ns,
        )


@pytest.fixture(scope="module", params=sorted(TROUBLES))
def tables(request: pytest.FixtureRequest) -> Tables:
    metrics = [*series("stock", "cpu_usage_percent", CPU), *series("orders", "http_5xx_ratio", [0.01] * 40)]
    return System(TROUBLES[request.param]).tables(metrics=metrics)


@pytest.fixture(scope="module")
def known(tables: Tables, build_once: Build) -> Answer:
    """What is said of the tables as they are."""
    return answer(build_once, tables)


def test_the_order_of_rows_does_not_matter(tables: Tables, known: Answer, build_case: Build) -> None:
    generator = random.Random(1)
    assert answer(build_case, {name: generator.sample(rows, len(rows)) for name, rows in tables.items()}) == known


def test_a_service_that_has_nothing_to_do_with_it_does_not_matter(
    tables: Tables, known: Answer, build_case: Build
) -> None:
    bystander = [
        {
            "trace_id": f"b{number}",
            "span_id": "b",
            "service": "bystander",
            "name": "tick",
            "kind": "internal",
            "start_ns": tables["spans"][0]["start_ns"] + number * 1_000 * NS_PER_MS,
            "duration_ns": (5 + number % 3) * NS_PER_MS,
        }
        for number in range(120)
    ]
    beside = answer(build_case, {**tables, "spans": [*tables["spans"], *bystander]})
    assert [(service, mechanism, region) for service, mechanism, _, region, _ in beside.suspects] == [
        (service, mechanism, region) for service, mechanism, _, region, _ in known.suspects
    ]


def test_names_of_services_do_not_matter(tables: Tables, known: Answer, build_case: Build) -> None:
    names = {"front": "zugabo", "orders": "rakomi", "stock": "alulafe"}
    text = json.dumps(tables)
    for old, new in names.items():
        text = text.replace(f'"service": "{old}"', f'"service": "{new}"').replace(f"{old} does not", f"{new} does not")
    renamed = answer(build_case, json.loads(text))
    assert [
        (service, mechanism, region, round(score, 6)) for service, mechanism, score, region, _ in renamed.suspects
    ] == [
        (names[service], mechanism, region, round(score, 6)) for service, mechanism, score, region, _ in known.suspects
    ]


def test_nothing_in_nothing_out(build_case: Build) -> None:
    with build_case({}) as store:
        assert runner.look(store, None) == (None, (), ())


def test_the_hash_seed_does_not_matter(tmp_path: Path) -> None:
    code = """
import sys, json, pathlib
from scenery import System, Trouble
from deep_code_reasoning.detectors import runner
from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.ranking.localise import localise
from deep_code_reasoning.store import CaseWriter, open_case
folder = pathlib.Path(sys.argv[1])
with CaseWriter(folder) as writer:
    writer.add_source(Source(1, "test", "/test", "test", "mixed"))
    for table, rows in System(Trouble(onset_s=70, stock_error="no such item", stock_fails="x")).tables().items():
        writer.rows(table, rows)
    writer.commit(CaseInfo("test"))
with open_case(folder) as store:
    scene, findings, checks = runner.look(store, None)
    print(repr(findings), repr(checks), repr(scene.windows), repr(localise(scene, findings)))
"""
    outputs = set()
    for seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])}
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / f"case{seed}")],
            capture_output=True,
            text=True,
            check=True,
            env=environment,
        )
        outputs.add(done.stdout)
    assert len(outputs) == 1
    assert "logs.path_break" in outputs.pop()
