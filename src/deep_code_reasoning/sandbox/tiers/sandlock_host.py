"""The process that holds one sandlock sandbox: reads its policy from standard input, ends as what it ran ended.

Its own standard input stays open as long as somebody waits for the result; when it ends, so does the sandbox.
"""

from __future__ import annotations

import json
import os
import sys
import threading

from sandlock import ExitReason, Sandbox, StdioMode

_NOT_CLOSED = 125
_SIGNALLED = 128
_SIGKILL = 9


def main() -> int:
    """Run the command of the policy in a sandbox that allows what the policy lists, and nothing else."""
    policy = json.loads(sys.stdin.readline())
    sandbox = Sandbox(
        fs_readable=policy["fs_readable"],
        max_memory=policy["max_memory"],
        max_processes=1,
        clean_env=True,
        env={"LC_ALL": "C.UTF-8"},
        cwd=policy["cwd"],
        no_coredump=True,
    )
    try:
        process = sandbox.popen(policy["command"], stdin=StdioMode.NULL)
    except RuntimeError as fault:
        sys.stderr.write(f"sandlock: {fault}\n")
        return _NOT_CLOSED
    threading.Thread(target=_end_with_input, daemon=True).start()
    result = process.wait()
    if result.reason is ExitReason.EXITED:
        return int(result.exit_code)
    return _SIGNALLED + (result.signal if result.signal > 0 else _SIGKILL)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(_SIGNALLED + _SIGKILL)  # the sandbox ends with its supervisor


if __name__ == "__main__":
    # Threads of the library may still run; nothing is left to tidy up.
    code = main()
    sys.stderr.flush()
    os._exit(code)
