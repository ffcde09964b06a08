"""The git command line, run over repositories that are not trusted.

Nothing that a repository's configuration or attributes name is run (hooks, pager, external diffs, text converters,
file system monitors, signature checks), nothing is fetched, the caller's and the machine's configuration are left out.
See git's documentation of `core.fsmonitor`, `diff.external`, `textconv`, `safe.directory`, `GIT_CONFIG_NOSYSTEM`,
`GIT_NO_LAZY_FETCH`, `protocol.allow`.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

TIMEOUT_S: Final = 300
# With its output closed git ends at once.
_ENDING_S: Final = 10
_HARDENED: Final = (
    "-c", "safe.directory=*", "-c", "core.fsmonitor=", "-c", f"core.hooksPath={os.devnull}", "-c", "core.pager=cat",
    "-c", "diff.external=", "-c", "protocol.allow=never", "-c", "log.showSignature=false", "-c", "core.quotePath=false",
    "-c", "core.sshCommand=false", "-c", "credential.helper=", "--no-pager", "--no-optional-locks",
)  # fmt: skip


@dataclass
class GitProcess:
    """A running git: what it prints, and after its end why it failed, or ''."""

    output: IO[bytes]
    fault: str = ""


@contextmanager
def git(path: Path, arguments: Sequence[str], asked: IO[bytes] | None = None) -> Iterator[GitProcess]:
    """Run git in a repository's folder; what it prints is read within the block.

    Args:
        path: the repository's folder, or one inside it.
        arguments: ours; text from outside only behind `--` or where git takes no option.
        asked: an open file that git reads from.
    """
    program = shutil.which("git")
    if program is None:
        yield GitProcess(io.BytesIO(), "git is not installed")
        return
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment |= {
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        # None: unlike `protocol.allow` it cannot be overruled by the repository's `protocol.ext.allow`.
        "GIT_ALLOW_PROTOCOL": "",
        "LC_ALL": "C",
    }
    with tempfile.TemporaryFile() as errors:
        try:
            # The program is git's own and the arguments are ours; the folder is passed as one argument.
            process = subprocess.Popen(  # noqa: S603
                [program, *_HARDENED, "-C", str(path.resolve()), *arguments],
                stdin=subprocess.DEVNULL if asked is None else asked,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=environment,
            )
        except OSError as fault:
            yield GitProcess(io.BytesIO(), f"git cannot be run: {fault.strerror}")
            return
        watch = _Watch(process)
        running = GitProcess(process.stdout or io.BytesIO())
        try:
            yield running
        finally:
            running.output.close()
            code = watch.end()
        if watch.late:
            running.fault = f"git did not finish within {TIMEOUT_S} s"
        elif code > 0:
            errors.seek(0)
            said = errors.read(2_000).decode("utf-8", "replace").strip().splitlines()
            running.fault = said[-1] if said else f"git ended with exit code {code}"


class _Watch:
    """Ends a process that takes too long."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.late = False
        self._process = process
        self._timer = threading.Timer(TIMEOUT_S, self._stop)
        self._timer.start()

    def _stop(self) -> None:
        self.late = True
        self._process.kill()

    def end(self) -> int:
        """Wait until it has ended; its exit code, negative when it was stopped."""
        try:
            return self._process.wait(timeout=_ENDING_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()
        finally:
            self._timer.cancel()
