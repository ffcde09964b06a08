"""Safe reading of code: only regular text files below the folders that the user allowed, and no secrets.

A path is followed by hand, one folder after the other from its root, never through a link (`openat` with `O_NOFOLLOW`):
so nothing outside can be reached by `..`, by links, or by a link that is put there between the check and the opening.
Links that stay inside the roots work, for their real path is what is opened.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from typing import Final

from ..errors import OutsideRootsError, SecretFileError, SourceError, SourceNotFoundError, UnreadableSourceError
from .apart import DEPENDENCIES
from .secret_files import is_private_key, secret_kind

# Code written by people is far smaller; what is larger is generated or data.
MAX_FILE_BYTES: Final = 2_000_000
# Files that are listed of all roots together, so that a root that is too wide cannot take minutes.
MAX_LISTED: Final = 200_000
# Folders of version control, of dependencies, of what tools make: no code of the system's own.
_SKIPPED_FOLDERS: Final = DEPENDENCIES | frozenset(
    ".git .hg .svn __pycache__ .mypy_cache .ruff_cache .pytest_cache .gradle .idea .terraform .next .dcr".split()
)
_FOLDER_FLAGS: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# O_NONBLOCK: a pipe without a writer must not hold us up before we know that it is one.
_FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True, order=True)
class SourcePath:
    """A file of a root: the root's name, and the real path below it with `/`. Written `REPO/PATH`."""

    repo: str
    path: str

    def __str__(self) -> str:
        return f"{self.repo}/{self.path}"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file that was read; `text` is whole, with line breaks as `\\n`."""

    where: SourcePath
    text: str

    @property
    def lines(self) -> list[str]:
        """Its lines, without line breaks."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file that was asked for and not read, and why."""

    path: str
    reason: str


class Roots:
    """Folders whose text files may be read.

    Args:
        folders: existing folders; a root inside another one is fine. Each is known by its name, or by as much of its
            path as tells it from the others.
        max_file_bytes: larger files are refused.

    Raises:
        SourceNotFoundError: when a folder does not exist.
    """

    def __init__(self, folders: Sequence[Path], max_file_bytes: int = MAX_FILE_BYTES) -> None:
        real: list[Path] = []
        for folder in folders:
            if not folder.is_dir():
                raise SourceNotFoundError(f"{folder} is no folder", "give folders of code that may be read")
            real.append(folder.resolve())
        self._folders = dict(zip(_names(list(dict.fromkeys(real))), dict.fromkeys(real), strict=True))
        self._max_file_bytes = max_file_bytes

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the roots, in the order given."""
        return tuple(self._folders)

    def folder(self, name: str) -> Path:
        """The real folder of a root."""
        return self._folders[name]

    def __bool__(self) -> bool:
        return bool(self._folders)

    def resolve(self, path: str) -> SourcePath:
        """Find a file by `REPO/PATH`, by its path below any root, or by an absolute path inside a root.

        Raises:
            OutsideRootsError: when it leads out of the roots, by whatever way.
            SecretFileError: when its name, or that of what a link leads to, is one of secrets.
            SourceNotFoundError: when there is no such file, or several roots have one.
        """
        if "\0" in path or not path.strip():
            raise SourceNotFoundError("a path is empty or holds a null character", "give the path of a file")
        found = list(dict.fromkeys(self._candidates(path)))
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(map(str, found[:5]))
            raise SourceNotFoundError(f"{path} is in several roots: {names}", "write REPO/PATH")
        hint = f"roots: {', '.join(self._folders)}" if self._folders else "no folder of code was given"
        if PurePath(path).is_absolute() or ".." in PurePath(path).parts:
            raise OutsideRootsError(f"{path} is outside the folders that may be read", hint)
        raise SourceNotFoundError(f"{path} is not in the folders that may be read", hint)

    def read(self, path: str | SourcePath) -> SourceFile:
        """Read a file.

        Raises:
            those of `resolve`, and
            UnreadableSourceError: when it is no regular file, no text, too large, or may not be opened.
        """
        where = path if isinstance(path, SourcePath) else self.resolve(path)
        if where.repo not in self._folders or not _is_plain(where.path):
            raise OutsideRootsError(f"{where} is outside the folders that may be read")
        _refuse_secret(where.path)
        content = self._content(where)
        if b"\0" in content[:8192]:
            raise UnreadableSourceError(f"{where} is no text", "only text files are read")
        text = decoded(content)
        if is_private_key(text):
            raise SecretFileError(f"{where} is a private key", "secrets are never read")
        return SourceFile(where, text)

    def read_many(self, paths: Iterable[str]) -> tuple[list[SourceFile], list[Skipped]]:
        """Read what can be read, each file once, and account for the rest."""
        files: dict[SourcePath, SourceFile] = {}
        skipped: list[Skipped] = []
        for path in paths:
            try:
                file = self.read(path)
            except SourceError as refusal:
                skipped.append(Skipped(path, refusal.message))
            else:
                files.setdefault(file.where, file)
        return list(files.values()), skipped

    @cached_property
    def files(self) -> tuple[SourcePath, ...]:
        """Files of all roots, sorted; no secrets, nothing of tools' own folders, nothing behind links to folders.

        At most `MAX_LISTED`; listed once, so an instance should not outlive a request. A link to a file is listed, and
        refused when it is read.
        """
        return self._listed[0]

    @property
    def dependencies(self) -> tuple[str, ...]:
        """The folders (`REPO/PATH`) of what others wrote, whose files are not listed."""
        return self._listed[1]

    @cached_property
    def _listed(self) -> tuple[tuple[SourcePath, ...], tuple[str, ...]]:
        listed: list[SourcePath] = []
        others: list[str] = []
        for name, folder in self._folders.items():
            for place, folders, names in os.walk(folder):
                below = PurePosixPath(Path(place).relative_to(folder))
                others += (str(PurePosixPath(name, below, each)) for each in DEPENDENCIES.intersection(folders))
                folders[:] = sorted(set(folders) - _SKIPPED_FOLDERS)
                for entry in sorted(names):
                    if secret_kind(below / entry) is None:
                        listed.append(SourcePath(name, str(below / entry)))
                if len(listed) >= MAX_LISTED:
                    return tuple(sorted(listed[:MAX_LISTED])), tuple(sorted(others))
        return tuple(sorted(listed)), tuple(sorted(others))

    def status(self, where: SourcePath) -> tuple[int, int] | None:
        """When a file was changed last (ns) and its size in bytes, as its folder says; None when it is gone."""
        try:
            found = os.lstat(self._folders[where.repo] / where.path)
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size

    def find(self, path: str) -> tuple[SourcePath, ...]:
        """Files whose path ends like this one, those that share the most folders with it; for paths of other machines.

        `/app/src/shop/cart.py` of a stack trace finds `REPO/src/shop/cart.py`. A bare file name finds all of that name.
        """
        wanted = _parts(path)
        if not wanted:
            return ()
        best = 1
        found: list[SourcePath] = []
        for where in self._by_name.get(wanted[-1], ()):
            common = _common_tail(wanted, _parts(str(where)))
            if common > best:
                best, found = common, []
            if common == best:
                found.append(where)
        return tuple(found)

    @cached_property
    def _by_name(self) -> dict[str, list[SourcePath]]:
        names: dict[str, list[SourcePath]] = {}
        for where in self.files:
            names.setdefault(where.path.rpartition("/")[2], []).append(where)
        return names

    def _candidates(self, path: str) -> Iterator[SourcePath]:
        given = Path(path)
        if given.is_absolute():
            yield from self._inside(given)
            return
        named = False
        for name, folder in self._folders.items():
            if path.startswith(f"{name}/"):
                for where in self._inside(folder / path.removeprefix(f"{name}/")):
                    named = True
                    yield where
        if not named:
            for folder in self._folders.values():
                yield from self._inside(folder / given)

    def _inside(self, path: Path) -> Iterator[SourcePath]:
        """The file as the innermost root knows it; nothing when there is no such file.

        Raises:
            OutsideRootsError: when it exists and is outside.
            SecretFileError: when it is one of secrets.
        """
        try:
            real = path.resolve(strict=True)
        except (OSError, RuntimeError, ValueError):
            return
        inside = [(name, root) for name, root in self._folders.items() if real.is_relative_to(root)]
        if not inside:
            raise OutsideRootsError(
                f"{path.name} is outside the folders that may be read", f"roots: {', '.join(self._folders)}"
            )
        name, root = max(inside, key=lambda item: len(item[1].parts))
        below = real.relative_to(root).as_posix()
        _refuse_secret(below)
        _refuse_secret(path.name)
        yield SourcePath(name, below)

    def _content(self, where: SourcePath) -> bytes:
        *folders, name = where.path.split("/")
        opened = []
        try:
            opened.append(os.open(self._folders[where.repo], _FOLDER_FLAGS))
            for folder in folders:
                opened.append(os.open(folder, _FOLDER_FLAGS, dir_fd=opened[-1]))
            opened.append(os.open(name, _FILE_FLAGS, dir_fd=opened[-1]))
            status = os.fstat(opened[-1])
            if not stat.S_ISREG(status.st_mode):
                raise UnreadableSourceError(f"{where} is no regular file", "only text files are read")
            if status.st_size > self._max_file_bytes:
                raise UnreadableSourceError(
                    f"{where} has {status.st_size:,} bytes, more than {self._max_file_bytes:,}",
                    "files of that size are generated, or data",
                )
            with os.fdopen(opened.pop(), "rb") as file:
                return file.read(self._max_file_bytes + 1)
        except FileNotFoundError:
            raise SourceNotFoundError(f"{where} is gone") from None
        except OSError as fault:
            raise UnreadableSourceError(f"{where} cannot be opened: {fault.strerror}") from fault
        finally:
            for descriptor in opened:
                os.close(descriptor)


def decoded(content: bytes) -> str:
    """A file's text: as UTF-8, what is none replaced, without a mark at its beginning, line breaks as `\\n`."""
    text = content.decode("utf-8", errors="replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n") if "\r" in text else text  # far quicker to find than the pair


def _names(folders: Sequence[Path]) -> list[str]:
    """A name for each folder: its own, with as many of its parents as tell all apart."""
    for depth in range(1, max((len(folder.parts) for folder in folders), default=1) + 1):
        names = ["/".join(part.strip("/") for part in folder.parts[-depth:]) or "root" for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def _is_plain(path: str) -> bool:
    return all(part not in ("", ".", "..") for part in path.split("/"))


def _refuse_secret(path: str) -> None:
    kind = secret_kind(PurePosixPath(path))
    if kind is not None:
        raise SecretFileError(f"{path} is never read: by its name it holds secrets ({kind})", "give a template instead")


def _parts(path: str) -> list[str]:
    return [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]


def _common_tail(left: Sequence[str], right: Sequence[str]) -> int:
    count = 0
    for a, b in zip(reversed(left), reversed(right), strict=False):
        if a != b:
            break
        count += 1
    return count
