"""Running one detector on rows."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.base import Detector
from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.store import CaseStore
from deep_code_reasoning.store.resolve import resolve
from scenery import Row

Look = Callable[..., tuple[Sequence[Finding], Check]]


@pytest.fixture
def look(build_case: Callable[..., AbstractContextManager[CaseStore]]) -> Look:
    """`look(module, tables)`: what a detector finds in a case of these rows; every citation must resolve."""

    def run(module: str, tables: dict[str, list[Row]]) -> tuple[Sequence[Finding], Check]:
        detector: Detector = importlib.import_module(f"deep_code_reasoning.detectors.{module}").DETECTOR
        with build_case(tables) as store:
            _, findings, checks = runner.look(store, None, [detector])
            for finding in findings:
                assert finding.code in {kind.code for kind in detector.kinds}
                assert finding.citations
                for citation in finding.citations:
                    assert resolve(store, citation)
        return findings, checks[0]

    return run
