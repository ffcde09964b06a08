"""Runs experiments in the first tier that can be trusted here and offers what they need."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

from ..domain.experiment import ABILITIES, Experiment, ExperimentResult, TierReport
from ..errors import SandboxError, SandboxUnavailableError, UsageError
from .canary import fly
from .stage import sweep
from .tiers.base import Tier
from .tiers.bubblewrap import Bubblewrap
from .tiers.monty import Monty
from .tiers.sandlock import Sandlock
from .tiers.wasi import Wasi


def known_tiers(cache: Path) -> tuple[Tier, ...]:
    """Every tier, the one to prefer first: all of Python before a part of it, what starts fast before what does not.

    Bubblewrap comes before sandlock: what is not mounted cannot even be named.
    """
    return (Bubblewrap(), Sandlock(), Wasi(cache / "wasi"), Monty())


class Sandbox:
    """The one interface to all tiers. Nothing is ever run without one; threads may share it."""

    def __init__(self, cache: Path, tiers: Sequence[Tier] | None = None) -> None:
        """Look at nothing yet.

        Args:
            cache: a folder of ours for what a tier makes once.
            tiers: those to choose from, the one to prefer first; all that are known when None.
        """
        self._tiers = known_tiers(cache) if tiers is None else tuple(tiers)
        self._reports: dict[str, TierReport] = {}
        self._lock = threading.Lock()

    def run(self, experiment: Experiment) -> ExperimentResult:
        """Run an experiment in the first tier that has the abilities it needs and that the canary did not get out of.

        Whatever the code does is a result: an error of its own, a limit that stopped it.

        Raises:
            SandboxUnavailableError: when there is no such tier here; nothing was run then.
            SandboxError: when the tier broke down.
            UsageError: when it needs an ability that there is not, or its limits or files cannot be.
        """
        _check(experiment)
        for tier in self._tiers:
            if experiment.needs <= tier.abilities and self._report(tier).ok:
                return tier.run(experiment)
        reasons = "; ".join(f"{tier.name}: {self._why_not(tier, experiment)}" for tier in self._tiers)
        raise SandboxUnavailableError(f"no sandbox here can run this experiment ({reasons})", "see 'dcr doctor'")

    def abilities(self) -> frozenset[str]:
        """What experiments may need here: all that the tiers which can be used offer together."""
        return frozenset().union(*(tier.abilities for tier in self._tiers if self._report(tier).ok))

    def examine(self, *, prepare: bool = False) -> tuple[TierReport, ...]:
        """Try every tier; with `prepare`, do first what takes long and is done once (minutes)."""
        if prepare:
            for tier in self._tiers:
                self._prepare(tier)
        return tuple(self._report(tier) for tier in self._tiers)

    def _prepare(self, tier: Tier) -> None:
        try:
            tier.prepare()
        except SandboxError as fault:
            self._reports[tier.name] = TierReport(tier.name, False, fault.message, tier.abilities)

    def _report(self, tier: Tier) -> TierReport:
        """What the canary found; it flies once for each tier and process, at the first use."""
        with self._lock:
            if not self._reports:
                sweep()
            known = self._reports.get(tier.name)
            if known is None:
                problem = tier.missing() or fly(tier)
                known = TierReport(tier.name, not problem, problem or _offers(tier), tier.abilities)
                self._reports[tier.name] = known
            return known

    def _why_not(self, tier: Tier, experiment: Experiment) -> str:
        lacks = experiment.needs - tier.abilities
        return f"has no {', '.join(sorted(lacks))}" if lacks else self._report(tier).detail


def _offers(tier: Tier) -> str:
    return f"refused files, connections, processes, memory and time beyond limits; {', '.join(sorted(tier.abilities))}"


def _check(experiment: Experiment) -> None:
    unknown = experiment.needs - ABILITIES.keys()
    if unknown:
        raise UsageError(f"there is no ability '{min(unknown)}'", f"one of {', '.join(ABILITIES)}")
    limits = experiment.limits
    if not (0 < limits.seconds < float("inf") and limits.memory_bytes > 0 and limits.output_bytes > 0):
        raise UsageError("an experiment's limits must be positive and finite")
