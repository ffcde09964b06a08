"""Tries to get out of a tier before anything untrusted runs in it.

First the tier has to run code that is harmless: one that refuses everything because it works not at all is no sandbox.
Then five experiments try to read and write a file outside, to connect to a port of this machine, to start a process,
to hold more memory than they may, and never to end. A tier that does not refuse all five is not used.
"""

from __future__ import annotations

import secrets
import socket
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from ..domain.experiment import Experiment, ExperimentLimits, ExperimentResult
from ..errors import SandboxError
from .tiers.base import Tier

_LIMITS: Final = ExperimentLimits(seconds=5.0, memory_bytes=64 * 2**20, output_bytes=4096)
SPIN_S: Final = 0.5
# A spin that was stopped comes back about then; the rest is for a busy machine.
SPIN_AT_MOST_S: Final = 5.0
_BLOCK_BYTES: Final = 2**24
_OVERSHOOT: Final = 4
_OUT: Final = "the canary is out"


def fly(tier: Tier) -> str:
    """Try a tier; returns what it did not refuse, or why it does not work, or '' when it may be used."""
    try:
        if problem := _harmless(tier):
            return problem
        for attempt in (_file, _connection, _process, _memory, _spin):
            if problem := attempt(tier):
                return problem
    except SandboxError as fault:
        return fault.message
    return ""


def _harmless(tier: Tier) -> str:
    token = secrets.token_hex(8)
    code = "print(6 * 7, open('token.txt').read())"
    result = tier.run(Experiment(code, {"token.txt": token.encode()}, limits=_LIMITS))
    if result.status == "finished" and result.stdout.split() == ["42", token]:
        return ""
    return f"does not work: {result.detail or result.status}"


def _file(tier: Tier) -> str:
    token = secrets.token_hex(8)
    with tempfile.TemporaryDirectory(prefix="dcr-canary-") as folder:
        secret, new = Path(folder, "secret.txt"), Path(folder, "new.txt")
        secret.write_text(token)
        read = _attempt(tier, f"print(open({str(secret)!r}).read())")
        _attempt(tier, f"open({str(new)!r}, 'w').write('x')")
        if token in read.stdout + read.stderr:
            return "does not keep code from reading files outside"
        return "does not keep code from writing files outside" if new.exists() else ""


def _connection(tier: Tier) -> str:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(0.0)
        code = f"import socket\nsocket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 2)\nprint({_OUT!r})"
        result = _attempt(tier, code)
        try:
            connection, _ = server.accept()
        except BlockingIOError:
            return _escaped(result, "does not keep code from connecting to this machine")
        connection.close()
        return "does not keep code from connecting to this machine"


def _process(tier: Tier) -> str:
    result = _attempt(tier, f"import os\nif os.fork():\n    os.wait()\nprint({_OUT!r})")
    return _escaped(result, "does not keep code from starting processes")


def _memory(tier: Tier) -> str:
    blocks = _OVERSHOOT * _LIMITS.memory_bytes // _BLOCK_BYTES
    code = f"held = []\nfor _ in range({blocks}):\n    held.append(b'x' * {_BLOCK_BYTES})\nprint({_OUT!r})"
    return _escaped(_attempt(tier, code), "does not hold code to its memory")


def _spin(tier: Tier) -> str:
    limits = ExperimentLimits(SPIN_S, _LIMITS.memory_bytes, _LIMITS.output_bytes)
    result = tier.run(Experiment("while True:\n    pass", limits=limits))
    stopped = result.status == "timed_out" and (result.duration_s or 0.0) < SPIN_AT_MOST_S
    return "" if stopped else "does not hold code to its time"


def _attempt(tier: Tier, code: str) -> ExperimentResult:
    return tier.run(Experiment(code, limits=_LIMITS))


def _escaped(result: ExperimentResult, problem: str) -> str:
    return problem if _OUT in result.stdout else ""
