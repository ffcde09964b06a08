"""What the user allows: folders that may be read, and where evidence may be sent.

HOME/config.toml
    roots = ["~/incidents", "/srv/repos"]        # beside the project's folder
    send_evidence_to = ["google", "deep"]        # providers or models of the catalogue; "*" for any
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..errors import OutsideRootsError, UsageError
from ..store.library import home

CONFIG: Final = "config.toml"
_KEYS: Final = frozenset({"roots", "send_evidence_to"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What is allowed. `roots` are real paths of folders; `project` is the one of them that nobody named: where the
    program was started."""

    roots: tuple[Path, ...]
    send_evidence_to: frozenset[str] = frozenset()
    project: Path | None = None

    def for_project(self, folders: Sequence[Path]) -> Settings:
        """The same for somebody who says which folders are the project's: they replace the one that was supposed."""
        said = [folder.resolve() for folder in folders if folder.is_dir() and _is_project(folder)]
        named = [root for root in self.roots if root != self.project]
        return replace(self, roots=tuple(dict.fromkeys([*said, *named])), project=None) if said else self

    def may_send_to(self, *names: str) -> bool:
        """Whether the user allowed evidence to go to a model or provider of one of these names."""
        return "*" in self.send_evidence_to or not self.send_evidence_to.isdisjoint(names)

    def allowed_path(self, path: str) -> Path:
        """The real path of a file or folder that may be read.

        Raises:
            UsageError: when it does not exist.
            OutsideRootsError: when it is outside the roots, by whatever way.
        """
        if "\0" in path or not path.strip():
            raise UsageError("a path is empty or holds a null character", "give the path of a file or folder")
        given = Path(path).expanduser()
        candidates = [given] if given.is_absolute() else [root / given for root in self.roots]
        real = next((found for candidate in candidates if (found := _real(candidate)) is not None), None)
        names = ", ".join(map(str, self.roots)) or "none"
        if real is not None and any(real.is_relative_to(root) for root in self.roots):
            return real
        if real is None and any(
            _lexical(candidate).is_relative_to(root) for candidate in candidates for root in self.roots
        ):
            raise UsageError(f"{path} does not exist", f"relative paths are looked up in {names}")
        # Whether something outside exists is nobody's business.
        raise OutsideRootsError(
            f"{path} is outside the folders that may be read",
            f"they are {names}; more by 'roots' in {home() / CONFIG} or DCR_ROOTS",
        )


def load_settings(project: Path | None = None) -> Settings:
    """Read the configuration. $DCR_ROOTS (paths, with the system's separator) adds roots; so does the project's folder.

    Raises:
        UsageError: when the configuration cannot be read.
    """
    path = home() / CONFIG
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        content = {}
    except (OSError, ValueError) as fault:
        raise UsageError(f"{path} cannot be read: {fault}", "its form is in 'dcr setup --help'") from fault
    unknown = sorted(content.keys() - _KEYS)
    if unknown:
        raise UsageError(f"{path}: unknown {', '.join(unknown)}", f"known are {', '.join(sorted(_KEYS))}")
    named = [*_texts(content, "roots", path), *filter(None, os.environ.get("DCR_ROOTS", "").split(os.pathsep))]
    folders = [folder.resolve() for name in named if (folder := Path(name).expanduser()).is_dir()]
    supposed = project.resolve() if project is not None and _is_project(project) else None
    # A relative path is meant from the project, whatever else may be read.
    roots = folders if supposed is None else [supposed, *folders]
    return Settings(
        roots=tuple(dict.fromkeys(roots)),
        send_evidence_to=frozenset(_texts(content, "send_evidence_to", path)),
        project=None if supposed in folders else supposed,
    )


def _texts(content: dict[str, Any], key: str, path: Path) -> list[str]:
    value = content.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UsageError(f"{path}: {key} is no list of texts", f'for example {key} = ["..."]')
    return value


def _is_project(folder: Path) -> bool:
    """Whether a working directory is narrow enough to be meant: neither a whole disk nor a whole home."""
    real = folder.resolve()
    return real != Path(real.anchor) and real != Path.home().resolve()


def _real(path: Path) -> Path | None:
    try:
        return path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):
        return None


def _lexical(path: Path) -> Path:
    return Path(os.path.normpath(path))
