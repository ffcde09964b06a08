"""Every tier that can be used on this machine; each is tried by the canary once in a test run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deep_code_reasoning.domain.experiment import TierReport
from deep_code_reasoning.sandbox import Sandbox
from deep_code_reasoning.sandbox.sandbox import known_tiers
from deep_code_reasoning.sandbox.tiers.base import Tier

NAMES = [tier.name for tier in known_tiers(Path())]


@pytest.fixture(scope="session")
def cache() -> Path:
    """Where a tier keeps what it makes once: the user's, since it takes minutes to make."""
    return Path(os.environ.get("DCR_TEST_SANDBOX_CACHE", "does-not-exist"))


@pytest.fixture(scope="session")
def reports(cache: Path) -> dict[str, TierReport]:
    return {report.tier: report for report in Sandbox(cache).examine()}


@pytest.fixture(params=NAMES)
def tier(request: pytest.FixtureRequest, cache: Path, reports: dict[str, TierReport]) -> Tier:
    """Each tier that the canary did not get out of."""
    if not reports[request.param].ok:
        pytest.skip(f"{request.param}: {reports[request.param].detail}")
    return next(known for known in known_tiers(cache) if known.name == request.param)
