"""An interpreter of a subset of Python in Rust, in a process of its own: `pydantic-monty`. Works on every system.

Its code has no way to a system call: files, clock and sleep are served by the library, which here serves the
experiment's files alone, to read. What it does not know (generators, many modules) makes an experiment `unsupported`.
Sleep is counted apart from work: an experiment that does both may take twice its time.
"""

from __future__ import annotations

import importlib.util
import math
import time
from typing import TYPE_CHECKING

from ...domain.experiment import Experiment, ExperimentLimits, ExperimentResult, ExperimentStatus
from ...errors import SandboxError
from ..stage import Stage, staged

if TYPE_CHECKING:
    from pydantic_monty import CollectStreams, MontyError

_WORK = "/work"
# The interpreter stops by itself; this is for when it does not.
_GRACE_S = 2.0
_MAX_DEPTH = 1_000
# The same code gives the same result, also where it draws random numbers.
_SEED = 0
# How it says that code is beyond it: a module, a syntax, a function of a module, an odd use of one that it has.
_UNKNOWN = ("ModuleNotFoundError", "NotImplementedError")
_UNKNOWN_TO_IT = ("module '", "Internal error in monty")


class Monty:
    """See the module."""

    name = "monty"
    abilities = frozenset({"subset", "asyncio"})

    def missing(self) -> str:
        """Whether the library is installed."""
        return "" if importlib.util.find_spec("pydantic_monty") else "not installed: pip install pydantic-monty"

    def prepare(self) -> None:
        """Nothing takes long here."""

    def run(self, experiment: Experiment) -> ExperimentResult:
        """Run an experiment in the subset.

        Raises:
            SandboxError: when the interpreter cannot be started.
            UsageError: when the experiment's files cannot be.
        """
        from pydantic_monty import CollectStreams, MontyError, MontyRuntimeError, MontySyntaxError

        streams = CollectStreams(max_bytes=experiment.limits.output_bytes)
        started = time.monotonic()
        status: ExperimentStatus = "finished"
        detail = error = ""
        try:
            with staged(experiment) as stage:
                _feed(stage, experiment, streams)
        except MontyError as fault:
            status, detail = _status(fault, streams, experiment.limits)
            error = fault.display() if isinstance(fault, MontyRuntimeError | MontySyntaxError) else str(fault)
        except (OSError, RuntimeError) as fault:
            raise SandboxError(f"monty cannot be started: {fault}") from fault
        duration_s = time.monotonic() - started
        stdout = "".join(text for name, text in streams.output if name == "stdout")
        stderr = "".join(text for name, text in streams.output if name == "stderr")
        return ExperimentResult(self.name, status, stdout, f"{stderr}{error}", duration_s, detail)


def _feed(stage: Stage, experiment: Experiment, streams: CollectStreams) -> None:
    from pydantic_monty import Monty as Pool
    from pydantic_monty import MountDir

    limits = experiment.limits
    with (
        Pool(min_processes=1, max_processes=1, request_timeout=limits.seconds + _GRACE_S) as pool,
        MountDir(host_path=stage.work, virtual_path=_WORK, mode="read-only") as mount,
        pool.checkout(
            script_name="experiment.py",
            limits={
                "max_feed_duration_secs": limits.seconds,
                "max_total_sleep_secs": limits.seconds,
                "max_memory": limits.memory_bytes,
                "max_recursion_depth": _MAX_DEPTH,
            },
            os_policy={"random_start": {"seed": _SEED}, "sleep_system_max": math.inf},
        ) as session,
    ):
        session.feed_run(experiment.code, print_callback=streams, mount=mount, cwd=_WORK)


def _status(fault: MontyError, streams: CollectStreams, limits: ExperimentLimits) -> tuple[ExperimentStatus, str]:
    from pydantic_monty import MontyCrashedError

    if isinstance(fault, MontyCrashedError):
        return ("timed_out", f"stopped after {limits.seconds:g} s") if fault.timed_out else ("killed", str(fault))
    cause = fault.exception()
    if isinstance(cause, TimeoutError) and "limit exceeded" in str(cause):
        return "timed_out", f"stopped after {limits.seconds:g} s"
    if isinstance(cause, SystemExit) and not cause.code:
        return "finished", ""
    if isinstance(cause, MemoryError):
        said = sum(len(text.encode()) for _, text in streams.output)
        if f"> {limits.output_bytes} bytes" in str(cause) and said <= limits.output_bytes:
            return "too_much_output", f"stopped at {limits.output_bytes} bytes of output"
        return "out_of_memory", f"wanted more than {limits.memory_bytes} bytes"
    unknown = type(cause).__name__ in _UNKNOWN or str(cause).startswith(_UNKNOWN_TO_IT)
    return ("unsupported" if unknown else "failed"), str(fault)
