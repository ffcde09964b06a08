"""What a tier is: one way to run an experiment so that it reaches nothing that it was not given."""

from __future__ import annotations

from typing import Protocol

from ...domain.experiment import Experiment, ExperimentResult


class Tier(Protocol):
    """The seam that every tier fills, and that the canary tries.

    A tier runs code that nobody trusts. No network, no process beside its own, no file but those of the experiment,
    and these cannot be written; the experiment's limits hold. It keeps nothing between runs, leaves nothing behind,
    and may be used by several threads at once.
    """

    name: str
    abilities: frozenset[str]

    def missing(self) -> str:
        """Why it cannot work here (not installed, another system), found out without running anything; else ''."""
        ...

    def prepare(self) -> None:
        """Do once what takes long; only `dcr doctor` asks for it.

        Raises:
            SandboxError: when it does not work.
        """
        ...

    def run(self, experiment: Experiment) -> ExperimentResult:
        """Run an experiment; whatever its code does is a result and no error.

        Raises:
            SandboxError: when the tier itself does not work.
            UsageError: when the experiment's files cannot be.
        """
        ...
