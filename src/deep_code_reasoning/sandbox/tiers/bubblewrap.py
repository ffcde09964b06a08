"""CPython in namespaces of its own, through `bwrap`: what is not mounted is not there, and neither is a network.

Needs the program bubblewrap, and a system that lets its user make user namespaces (or root).
"""

from __future__ import annotations

import shutil

from ...domain.experiment import Experiment, ExperimentResult
from ..stage import Stage, staged
from . import cpython

_NOBODY = "65534"


class Bubblewrap:
    """See the module."""

    name = "bubblewrap"
    abilities = cpython.ABILITIES

    def missing(self) -> str:
        """Whether the program is there; whether it may make namespaces, the canary finds out."""
        if reason := cpython.missing():
            return reason
        return "" if shutil.which("bwrap") else "not installed: the program 'bwrap' is not on the PATH"

    def prepare(self) -> None:
        """Nothing takes long here."""

    def run(self, experiment: Experiment) -> ExperimentResult:
        """Run an experiment in CPython.

        Raises:
            SandboxError: when the program cannot make the sandbox.
            UsageError: when the experiment's files cannot be.
        """
        with staged(experiment) as stage:
            return cpython.run(self.name, _command(stage, experiment), experiment)


def _command(stage: Stage, experiment: Experiment) -> list[str]:
    mounts = [argument for place in cpython.readable() for argument in ("--ro-bind", place, place)]
    return [
        shutil.which("bwrap") or "bwrap",
        *("--unshare-all", "--die-with-parent", "--new-session", "--clearenv", "--setenv", "LC_ALL", "C.UTF-8"),
        *("--cap-drop", "ALL", "--uid", _NOBODY, "--gid", _NOBODY, "--hostname", "sandbox"),
        *mounts,
        *("--ro-bind", str(stage.root), str(stage.root), "--remount-ro", "/", "--chdir", str(stage.work)),
        "--",
        *cpython.command(stage, experiment.limits),
    ]
