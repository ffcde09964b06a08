"""What the tiers that run this machine's own CPython share: which files it needs, how it is called, how it ended."""

from __future__ import annotations

import errno
import json
import math
import platform
import signal
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

from ...domain.experiment import Experiment, ExperimentLimits, ExperimentResult, ExperimentStatus
from ...errors import SandboxError
from ..prelude import READY
from ..process import Finished, run_process
from ..seccomp import MACHINES
from ..stage import Stage

ABILITIES = frozenset({"subset", "python", "asyncio", "threads"})
# The processor's clock runs on while the wall's has stopped us; this only ends what we could not.
_CPU_GRACE_S = 2
# Shells and wrappers say with an exit code above 128 which signal ended what they ran.
_SIGNALLED = 128
# To start an interpreter and what holds it, on a busy machine.
_START_S = 10.0
_LIBRARIES = ("/usr/lib", "/usr/lib64", "/lib", "/lib64")


def missing() -> str:
    """Why no such tier can work on this system; '' when one may."""
    if not sys.platform.startswith("linux"):
        return "works on Linux alone"
    if platform.machine() not in MACHINES:
        return f"the system calls of {platform.machine()} are not known"
    return ""


def interpreter() -> Path:
    """The interpreter itself, not a virtual environment's link to it."""
    return Path(getattr(sys, "_base_executable", sys.executable)).resolve()


def readable() -> tuple[str, ...]:
    """What CPython needs to read: itself, its standard library, the system's shared libraries."""
    places = [*_LIBRARIES, sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), *_own_libraries()]
    return tuple(dict.fromkeys(place for place in (*places, str(interpreter())) if Path(place).exists()))


def command(stage: Stage, limits: ExperimentLimits) -> list[str]:
    """How to run a staged experiment, seen from within the sandbox."""
    config = {
        "code": str(stage.code),
        "folder": str(stage.work),
        "memory_bytes": limits.memory_bytes,
        "cpu_s": math.ceil(limits.seconds) + _CPU_GRACE_S,
    }
    return [str(interpreter()), "-E", "-s", "-S", "-B", str(stage.prelude), json.dumps(config)]


def run(tier: str, argv: Sequence[str], experiment: Experiment, hand_over: bytes = b"") -> ExperimentResult:
    """Run a command that runs the experiment.

    Raises:
        SandboxError: when the sandbox could not be closed, so that nothing was run.
    """
    finished = run_process(
        argv, experiment.limits, environment={}, ready=READY.encode(), start_s=_START_S, hand_over=hand_over
    )
    return result(tier, finished, experiment)


def result(tier: str, finished: Finished, experiment: Experiment) -> ExperimentResult:
    """What became of an experiment, from how its process ended.

    Raises:
        SandboxError: when the sandbox did not start or could not be closed, so that nothing was run.
    """
    stdout, stderr = (text.decode("utf-8", "replace") for text in (finished.stdout, finished.stderr))
    if not finished.was_ready:
        raise SandboxError(f"{tier}: {last_line(stderr) or 'did not start'}", "'dcr doctor' tries every sandbox")
    status, detail = _status(finished, stderr, experiment.limits)
    return ExperimentResult(tier, status, stdout, stderr, finished.duration_s, detail)


def last_line(text: str) -> str:
    """The last line that says anything: of a traceback, the error."""
    return text.rstrip().rpartition("\n")[2]


def _status(finished: Finished, stderr: str, limits: ExperimentLimits) -> tuple[ExperimentStatus, str]:
    if finished.stopped == "time":
        return "timed_out", f"stopped after {limits.seconds:g} s"
    if finished.stopped == "output":
        return "too_much_output", f"stopped at {limits.output_bytes} bytes of output"
    code = finished.exit_code
    if code == 0:
        return "finished", ""
    number = -code if code < 0 else code - _SIGNALLED if code > _SIGNALLED else 0
    if number == signal.SIGXCPU:
        return "timed_out", "its time on the processor was up"
    if number in signal.valid_signals() and number:
        return "killed", f"ended by {signal.Signals(number).name}"
    if last_line(stderr).startswith(("MemoryError", f"OSError: [Errno {errno.ENOMEM}]")):
        return "out_of_memory", f"wanted more than {limits.memory_bytes} bytes"
    return "failed", last_line(stderr) or f"ended with exit code {code}"


def _own_libraries() -> list[str]:
    """The folder of libpython, when the interpreter is not linked with it for good."""
    folder = sysconfig.get_config_var("LIBDIR")
    return [folder] if sysconfig.get_config_var("Py_ENABLE_SHARED") and folder else []
