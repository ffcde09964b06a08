"""Where cases live: one folder each, under one home."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ..errors import CaseFormatError, CaseNotFoundError, HomeError, UsageError
from .layout import MANIFEST, Manifest, read_manifest

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# What the system says of a place that is written to and never of one that is read; not always with the file's name.
_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})


def home() -> Path:
    """The folder of everything this program keeps: $DCR_HOME, else the user's data folder (XDG)."""
    chosen = os.environ.get("DCR_HOME")
    if chosen:
        return Path(chosen)
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "deep-code-reasoning"


@contextmanager
def writing_to_home() -> Iterator[None]:
    """Tell faults of the home, which the user can mend, from those of anything else.

    Raises:
        HomeError: when the home cannot be written.
    """
    try:
        yield
    except OSError as fault:
        place = Path(fault.filename) if isinstance(fault.filename, str | Path) else None
        ours = place is not None and (place.is_relative_to(home()) or home().is_relative_to(place))
        if not ours and fault.errno not in _NO_ROOM:
            raise
        reason = os.strerror(fault.errno) if fault.errno else str(fault)
        hint = "make room there, or set DCR_HOME to a folder that can be written"
        raise HomeError(f"cases cannot be kept in {home()}: {reason}", hint) from fault


def case_folder(name: str) -> Path:
    """The folder of a case, there or not.

    Raises:
        UsageError: when the name could lead out of the home or is no sensible file name.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"'{name}' is no case name", "use letters, digits, '.', '_' and '-', at most 100 of them")
    return home() / "cases" / name


def find_case(name: str) -> Path:
    """The folder of an existing case, by name or by path.

    Raises:
        CaseNotFoundError: when there is none.
    """
    if os.sep in name and (Path(name) / MANIFEST).is_file():
        return Path(name)
    folder = case_folder(name)
    if not (folder / MANIFEST).is_file():
        raise CaseNotFoundError(
            f"there is no case '{name}' in {home()}",
            "'dcr case list' shows those there are; DCR_HOME chooses another home",
        )
    return folder


def is_case(path: Path) -> bool:
    """Whether a path is a case folder that this version can open."""
    try:
        read_manifest(path)
    except (CaseNotFoundError, CaseFormatError):
        return False
    return True


def cases() -> Iterator[tuple[Path, Manifest]]:
    """Every readable case, by name."""
    root = home() / "cases"
    for folder in sorted(root.iterdir()) if root.is_dir() else ():
        if is_case(folder):
            yield folder, read_manifest(folder)


def delete_case(name: str) -> None:
    """Remove a case and all its files.

    Raises:
        CaseNotFoundError: when there is none.
        CaseFormatError: when a folder elsewhere has a manifest, and not that of a case: it is somebody else's.
    """
    folder = find_case(name)
    # In the home a damaged case may go; elsewhere many a program has a file of that name.
    if not folder.resolve().is_relative_to((home() / "cases").resolve()):
        read_manifest(folder)
    # The manifest goes first: from then on the folder is no case, whatever happens to the rest.
    (folder / MANIFEST).unlink()
    shutil.rmtree(folder)
