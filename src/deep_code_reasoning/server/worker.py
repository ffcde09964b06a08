"""The process that does the heavy work: it calls one function after the other, as its parent asks.

The engine cannot be interrupted, and its memory does not come back; a process can be ended. Requests and answers are
pickled frames with their length before them, over pipes that nobody else holds. At end of input, that is when the
parent stops the work or has died, whatever way, this process ends at once, with all processes that it started.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
import traceback
from queue import SimpleQueue
from typing import Any, BinaryIO, Final

from ..errors import DeepCodeReasoningError

FRAME_HEAD: Final = 8
# A word on progress is at most this frequent.
_PROGRESS_INTERVAL_S: Final = 0.25


def main() -> None:
    """Serve the parent until it closes our input."""
    # Whatever else writes to stdout or reads from stdin, here or in a child of ours, gets nothing of the protocol.
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    inbox: SimpleQueue[Any] = SimpleQueue()
    threading.Thread(target=_listen, args=(requests, inbox), daemon=True).start()
    while True:
        send(answers, _answer(inbox.get(), answers))


def send(stream: BinaryIO, message: Any) -> None:
    """Write one frame."""
    content = pickle.dumps(message)
    stream.write(len(content).to_bytes(FRAME_HEAD, "big") + content)
    stream.flush()


def _listen(requests: BinaryIO, inbox: SimpleQueue[Any]) -> None:
    while len(head := requests.read(FRAME_HEAD)) == FRAME_HEAD:
        inbox.put(pickle.loads(requests.read(int.from_bytes(head, "big"))))  # noqa: S301 - our parent's own words
    from ..app.interrupt import abandon

    abandon()
    os.killpg(0, signal.SIGKILL)


def _answer(request: Any, answers: BinaryIO) -> tuple[str, Any]:
    function, arguments, wants_progress = request
    more = {"progress": _reporter(answers)} if wants_progress else {}
    try:
        return "done", function(*arguments, **more)
    except DeepCodeReasoningError as error:
        return "error", error
    except Exception as fault:  # noqa: BLE001 - the outermost frame of this process: the parent shall hear what went wrong
        traceback.print_exc(file=sys.stderr)
        return "fault", f"{type(fault).__name__}: {fault}"


def _reporter(answers: BinaryIO) -> Any:
    last = 0.0

    def report(done: int, total: int) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PROGRESS_INTERVAL_S or done == total:
            last = now
            send(answers, ("progress", (done, total)))

    return report


if __name__ == "__main__":
    main()
