"""Long work as files: what was asked, how far it is, what came of it.

    HOME/work/HANDLE/job.json       what was asked, and when
    HOME/work/HANDLE/progress.json  how far it is
    HOME/work/HANDLE/result.json    what came of it: an answer or an error
    HOME/work/HANDLE/stop           somebody wants it to stop
    HOME/work/HANDLE/lock           held (flock) by the process that sees to it

Whoever knows a handle may ask, in any process, also after a restart. The state follows from the files: with a result
the work is done; without one it is running while somebody holds the lock; otherwise it was interrupted, and whoever
waits for it next starts it again.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ..errors import JobExpiredError, RecordNotFoundError
from ..store.layout import write_atomically
from ..store.library import home, writing_to_home

# A result is kept for a week, which outlives any session; that there was one is remembered for a month.
RESULT_TTL_S: Final = 7 * 86_400
RECORD_TTL_S: Final = 30 * 86_400
_HANDLE: Final = re.compile(r"work-[A-Za-z0-9_-]{22}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far work is: bytes read of bytes in all, `elapsed_s` after it began. `total` 0: that is not known."""

    done: int = 0
    total: int = 0
    elapsed_s: float = 0.0

    @property
    def rate(self) -> float | None:
        """Bytes a second so far."""
        return self.done / self.elapsed_s if self.elapsed_s > 0 and self.done else None

    @property
    def remaining_s(self) -> float | None:
        """Seconds that reading will still take at the rate so far."""
        return (self.total - self.done) / self.rate if self.rate and self.total else None


@dataclass(frozen=True, slots=True)
class Job:
    """Long work as it stands. `state` is `running`, `interrupted` or `done`: then one of `answer`, `error` is set.

    `notes` are what the answer says beside what was found; `created_s`, `updated_s` are Unix times.
    """

    handle: str
    kind: str
    arguments: Mapping[str, Any]
    state: str
    progress: Progress
    notes: tuple[str, ...]
    created_s: float
    updated_s: float
    answer: Mapping[str, Any] | None = None
    error: Mapping[str, Any] | None = None


def create(kind: str, arguments: Mapping[str, Any], notes: Sequence[str] = ()) -> str:
    """Write down what is asked; returns the handle, which nobody can guess.

    Raises:
        HomeError: when it cannot be written.
    """
    handle = f"work-{secrets.token_urlsafe(16)}"
    folder = _root() / handle
    asked = {"kind": kind, "arguments": dict(arguments), "notes": list(notes), "created_s": time.time()}
    with writing_to_home():
        folder.mkdir(parents=True, mode=0o700)
        _write(folder / "job.json", asked)
    return handle


def read(handle: str) -> Job:
    """Look at work.

    Raises:
        RecordNotFoundError: when there is none of that handle.
        JobExpiredError: when it was kept for its time.
    """
    folder = _folder(handle)
    asked = _read(folder / "job.json")
    if asked is None:
        raise RecordNotFoundError(f"there is no work '{handle[:40]}'", "use the handle as it was given")
    result = _read(folder / "result.json")
    if time.time() - asked["created_s"] > RESULT_TTL_S:
        raise JobExpiredError(f"{handle} was kept for a week and is gone", "start the work again")
    progress = Progress(**(_read(folder / "progress.json") or {}))
    state = "done" if result is not None else "running" if _is_held(folder / "lock") else "interrupted"
    return Job(
        handle=handle,
        kind=asked["kind"],
        arguments=asked["arguments"],
        state=state,
        progress=progress,
        notes=tuple(asked.get("notes", ())),  # earlier versions kept none
        created_s=asked["created_s"],
        updated_s=folder.stat().st_mtime,
        **(result or {}),
    )


@contextmanager
def claimed(handle: str) -> Iterator[bool]:
    """Take charge of work for as long as the block runs; False when somebody else has."""
    descriptor = os.open(_folder(handle) / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            (_folder(handle) / "stop").unlink(missing_ok=True)
            yield True
    finally:
        os.close(descriptor)


def note_progress(handle: str, progress: Progress) -> None:
    """Say how far the work is."""
    _write(
        _folder(handle) / "progress.json",
        {"done": progress.done, "total": progress.total, "elapsed_s": progress.elapsed_s},
    )


def note_answer(handle: str, answer: Mapping[str, Any]) -> None:
    """Keep what came of the work."""
    _write(_folder(handle) / "result.json", {"answer": answer})


def note_error(handle: str, error: Mapping[str, Any]) -> None:
    """Keep why nothing came of the work."""
    _write(_folder(handle) / "result.json", {"error": error})


def ask_to_stop(handle: str) -> None:
    """Tell whoever does the work, in whatever process, to stop."""
    (_folder(handle) / "stop").touch()


def is_asked_to_stop(handle: str) -> bool:
    """Whether somebody wants the work to stop."""
    return (_folder(handle) / "stop").exists()


def sweep() -> None:
    """Remove results that were kept for their time, and in the end the records too."""
    now = time.time()
    for folder in _root().iterdir() if _root().is_dir() else ():
        age_s = now - folder.stat().st_mtime
        if age_s > RECORD_TTL_S:
            shutil.rmtree(folder, ignore_errors=True)
        elif age_s > RESULT_TTL_S:
            (folder / "result.json").unlink(missing_ok=True)


def _root() -> Path:
    return home() / "work"


def _folder(handle: str) -> Path:
    if not _HANDLE.fullmatch(handle):
        raise RecordNotFoundError(
            f"'{handle[:40]}' is no handle of work", "a handle looks like work-... and is given by a call"
        )
    return _root() / handle


def _is_held(lock: Path) -> bool:
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return None


def _write(path: Path, value: Any) -> None:
    write_atomically(path, json.dumps(value, ensure_ascii=False))
