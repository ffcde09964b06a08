"""Who holds something in the ledger, and whether that process still lives."""

from __future__ import annotations

import os
import secrets
import socket
from functools import lru_cache
from pathlib import Path


def this_process() -> str:
    """A name for this process: where it runs, its number there, when it started."""
    return _name_of(os.getpid())


@lru_cache(maxsize=1)
def _name_of(pid: int) -> str:
    return f"{_place()}|{pid}|{_start_of(pid)}"


def is_gone(owner: str) -> bool:
    """Whether a holder is known to have ended. False when it lives, or runs where we cannot look."""
    place, _, rest = owner.partition("|")
    pid, _, start = rest.partition("|")
    if place != _place() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    # The number may have been given to another process meanwhile; or its parent has not yet heard of its end.
    return bool(start) and _start_of(int(pid)) != start


def new_id(kind: str, now_ns: int) -> str:
    """A unique id that sorts by time: `KIND-` and 28 hex digits, the first 12 of which are the milliseconds."""
    return f"{kind}-{now_ns // 1_000_000:012x}{secrets.token_hex(8)}"


def _place() -> str:
    """A name for the set of processes among which a process number means the same process.

    On Linux that is a PID namespace of one boot of one machine: two containers may well share a host's name.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def _start_of(pid: int) -> str:
    """When a living process started, in the kernel's ticks since boot (proc(5), stat); '' where nothing says."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text("ascii", "replace")
    except OSError:
        return ""
    # The second field is the program's name in brackets, and may itself hold blanks and brackets.
    fields = stat.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 and fields[0] not in ("Z", "X") else ""
