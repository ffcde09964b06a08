"""CPython behind Landlock and seccomp, through the library `sandlock`: no root, no namespaces, no daemon.

The library runs in a process of its own (`sandlock_host.py`): it starts threads, forks and is native code, all of which
a server had better keep out of its own process. What Landlock leaves open (metadata of files, other processes' limits)
is closed by the prelude's filter, except that paths outside can be probed for existence.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from importlib.resources import as_file, files

from ...domain.experiment import Experiment, ExperimentResult
from ..stage import staged
from . import cpython

# The library counts all memory of the process; ours, which fails allocations and does not kill, comes first.
_MEMORY_FACTOR = 2
_MEMORY_OWN_BYTES = 256 * 2**20


class Sandlock:
    """See the module."""

    name = "sandlock"
    abilities = cpython.ABILITIES

    def missing(self) -> str:
        """Whether the library is installed; whether the kernel is new enough, the canary finds out."""
        if reason := cpython.missing():
            return reason
        if importlib.util.find_spec("sandlock") is None:
            return "not installed: pip install 'deep-code-reasoning-mcp[sandbox]'"
        return ""

    def prepare(self) -> None:
        """Nothing takes long here."""

    def run(self, experiment: Experiment) -> ExperimentResult:
        """Run an experiment in CPython.

        Raises:
            SandboxError: when the library or the kernel cannot do it.
            UsageError: when the experiment's files cannot be.
        """
        limits = experiment.limits
        with staged(experiment) as stage, as_file(files(__package__).joinpath("sandlock_host.py")) as host:
            policy = {
                "fs_readable": [*cpython.readable(), str(stage.root)],
                "cwd": str(stage.work),
                "max_memory": _MEMORY_FACTOR * limits.memory_bytes + _MEMORY_OWN_BYTES,
                "command": cpython.command(stage, limits),
            }
            argv = [sys.executable, "-I", "-B", str(host)]
            return cpython.run(self.name, argv, experiment, json.dumps(policy).encode() + b"\n")
