"""A folder that holds what an experiment is given, and nothing else, for as long as it runs."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path, PurePosixPath
from typing import Final

from ..domain.experiment import Experiment
from ..errors import UsageError

MAX_FILES: Final = 1_000
MAX_BYTES: Final = 256 * 2**20
_PREFIX: Final = "dcr-experiment-"
_STALE_S: Final = 86_400.0
_OURS: Final = ("prelude.py", "seccomp.py")


@dataclass(frozen=True, slots=True)
class Stage:
    """The folder `root`, with the experiment's code, our part of the sandbox, and `work` with the files."""

    root: Path

    @property
    def code(self) -> Path:
        """The experiment's code."""
        return self.root / "experiment.py"

    @property
    def prelude(self) -> Path:
        """What runs before it."""
        return self.root / "prelude.py"

    @property
    def work(self) -> Path:
        """Its working folder: the files that it was given."""
        return self.root / "work"


@contextmanager
def staged(experiment: Experiment) -> Iterator[Stage]:
    """Write an experiment to a fresh folder, and remove that in the end.

    Raises:
        UsageError: when a file's name leads out of the folder, or the files are too many or too large.
    """
    if len(experiment.files) > MAX_FILES or sum(map(len, experiment.files.values())) > MAX_BYTES:
        raise UsageError(
            f"an experiment takes at most {MAX_FILES} files of {MAX_BYTES >> 20} MiB in all", "give it less to read"
        )
    with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder:
        stage = Stage(Path(folder).resolve())
        stage.work.mkdir()
        stage.code.write_bytes(experiment.code.encode("utf-8", "replace"))
        for name in _OURS:
            (stage.root / name).write_bytes(files(__package__).joinpath(name).read_bytes())
        for name, content in experiment.files.items():
            path = stage.work / _inside(name)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
            except OSError as fault:
                raise UsageError(f"'{name}' cannot be a file of an experiment: {fault.strerror}") from fault
        yield stage


def sweep() -> None:
    """Remove the folders of experiments whose process was killed: those that are older than any experiment gets."""
    before = time.time() - _STALE_S
    for left in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if left.lstat().st_mtime < before and left.lstat().st_uid == os.getuid() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(name)
    if not name or "\0" in name or path.is_absolute() or ".." in path.parts or not path.parts:
        raise UsageError(f"'{name}' is no path within an experiment", "give relative paths, without '..'")
    return path
