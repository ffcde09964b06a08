"""What runs inside the sandbox before an experiment: it gives up what is left, then runs the code.

Called as `python -E -s -S -B prelude.py CONFIG`, CONFIG being JSON: the path of the code, the folder of its files, the
limits. It imports the standard library and `seccomp.py` beside it, nothing of the package.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import linecache
import os
import platform
import resource
import sys
import traceback
from types import TracebackType

# The first thing on the error output: from now on the experiment's time runs.
READY = "\x06"
# Exit code when the sandbox could not be closed; the experiment has not run then.
NOT_CLOSED = 125
# A Python program's own text, libraries and arenas, beside what the experiment allocates.
_OWN_BYTES = 96 * 2**20
_OPEN_FILES = 64
_PR_SET_NO_NEW_PRIVS = 38
_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2


class _Program(ctypes.Structure):
    """struct sock_fprog."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def limit(memory_bytes: int, cpu_s: int) -> None:
    """Lower the limits of this process for good."""
    for kind, value in (
        (resource.RLIMIT_AS, memory_bytes + _OWN_BYTES),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
    ):
        hard = resource.getrlimit(kind)[1]
        new = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (new, new))


def close(program: bytes) -> None:
    """Load a seccomp filter.

    Raises:
        OSError: when the kernel does not take it.
    """
    library = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(program, len(program))
    described = _Program(len(program) // 8, ctypes.addressof(text))
    if library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    if library.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(described), 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


def main() -> None:
    """Close the sandbox from the inside, and run the code as `__main__`."""
    config = json.loads(sys.argv[1])
    try:
        with open(config["code"], encoding="utf-8") as file:  # noqa: PTH123 - pathlib takes 10 ms to import
            text = file.read()
        os.chdir(config["folder"])
        limit(config["memory_bytes"], config["cpu_s"])
        close(importlib.import_module("seccomp").build(platform.machine(), os.getpid()))
    except (ImportError, KeyError, OSError, ValueError) as fault:
        sys.stderr.write(f"the sandbox could not be closed: {type(fault).__name__}: {fault}\n")
        sys.exit(NOT_CLOSED)
    sys.argv = ["experiment.py"]
    sys.path[0] = config["folder"]
    sys.excepthook = _report
    linecache.cache["experiment.py"] = (len(text), None, text.splitlines(keepends=True), "experiment.py")
    sys.stderr.write(READY)
    sys.stderr.flush()
    exec(compile(text, "experiment.py", "exec"), {"__name__": "__main__"})  # noqa: S102 - what all this is for


def _report(kind: type[BaseException], fault: BaseException, trace: TracebackType | None) -> None:
    """Print an error of the experiment's without the frames of this file."""
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    traceback.print_exception(kind, fault, trace)


if __name__ == "__main__":
    main()
