"""Where a name of a file comes from: the file that defines it, and its name there."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from .syntax import CodeFile

_PYTHON: Final = re.compile(
    r"(?m)^\s*from\s+([.\w]+)\s+import\s+(\([^)]*\)|[^\n]+)|^\s*import\s+([\w.]+)(?:\s+as\s+(\w+))?"
)
_SCRIPT: Final = re.compile(
    r"import\s+(?:type\s+)?(?P<what>[\w$*{},\s]+?)\s+from\s+['\"](?P<from>[^'\"]+)['\"]"
    r"|export\s*(?P<again>\{[^}]*\})\s*from\s+['\"](?P<passed>[^'\"]+)['\"]"
    r"|(?:\b(?:const|let|var)\s+|,\s*)(?P<names>[\w$]+|\{[^}]*\})\s*=\s*(?:await\s+import|require)\(\s*['\"](?P<required>[^'\"]+)['\"]\s*\)"
)
_SCRIPTS: Final = frozenset({"javascript", "typescript", "tsx"})
_ENDING: Final = re.compile(r"\.(?:[mc]?js|ts|[jt]sx|php)$")
_INDEX: Final = re.compile(r"/(?:__init__|index)$")
_RENAMED: Final = re.compile(r"([\w$*]+)(?:\s+as\s+|\s*:\s*)?([\w$]+)?")


class Imports:
    """The names that files take from each other, in the languages that say it by path (Python, JavaScript)."""

    def __init__(self, files: Sequence[CodeFile]) -> None:
        self._stems: dict[str, list[CodeFile]] = {}
        self._at: dict[tuple[str, str], CodeFile] = {}
        for file in files:
            self._stems.setdefault(_stem(file.where.path), []).append(file)
            self._at[file.where.repo, _INDEX.sub("", file.where.path.rpartition(".")[0])] = file
        self._of: dict[int, dict[str, tuple[str, str]]] = {}
        self._sources: dict[tuple[int, str], tuple[CodeFile, str] | None] = {}

    def source(self, name: str, file: CodeFile) -> tuple[CodeFile, str] | None:
        """The file that a name comes from, and its name there ('' for the module or its default)."""
        if name not in self._known(file):
            return None
        key = (id(file), name)
        if key not in self._sources:
            self._sources[key] = self._source(name, file)
        return self._sources[key]

    def _source(self, name: str, file: CodeFile) -> tuple[CodeFile, str] | None:
        module, inside = self._known(file)[name]
        found = self.module(module, file)
        if found is None and inside:
            nested = self.module(f"{module}/{inside}", file)
            return (nested, "") if nested is not None else None
        return (found, inside) if found is not None else None

    def _known(self, file: CodeFile) -> dict[str, tuple[str, str]]:
        if id(file) not in self._of:
            self._of[id(file)] = dict(_imported(file))
        return self._of[id(file)]

    def original(self, name: str, file: CodeFile) -> tuple[str, str]:
        """The module that a name was taken from, whoever wrote it, and its name there; no module for our own names."""
        return self._known(file).get(name, ("", name))

    def module(self, module: str, near: CodeFile) -> CodeFile | None:
        """The file of a module, written as a dotted or as a relative path; None when it is none of ours.

        All of a module's name has to be the end of the file's path; of several the one nearest to who asks.
        """
        plain = module.replace(".", "/") if near.language == "python" else _ENDING.sub("", module)
        parts = [part for part in re.sub(r"/(?:index|__init__)$", "", plain).split("/") if part.strip(".@~#")]
        relative = module.startswith(".")
        if not relative and near.language in _SCRIPTS and len(parts) < 2 and not module.startswith(("@/", "~/", "#")):
            return None  # a package
        if not parts:
            folder = near.where.path.rpartition("/")[0] if module in (".", "./") else ""
            return self._at.get((near.where.repo, folder)) if folder else None
        if relative:
            exact = self._at.get((near.where.repo, _resolved(module, near)))
            if exact is not None and exact is not near:
                return exact
        if parts[0].startswith("@") and len(parts) == 2 and not relative:  # a package of the same workspace
            ends = (f"/{parts[1]}", f"/{parts[1]}/src")
            return next(
                (file for (repo, at), file in self._at.items() if repo == near.where.repo and at.endswith(ends)), None
            )
        parts = parts[1:] if parts[0].startswith("@") else parts
        candidates = [file for file in self._stems.get(parts[-1], ()) if file.where.repo == near.where.repo]
        candidates = [file for file in candidates if file is not near and _common(file, parts) >= len(parts)]
        return max(candidates, key=lambda file: _near(file, near), default=None)


def _resolved(module: str, near: CodeFile) -> str:
    """The path that a relative module is at, without its ending."""
    folders = near.where.path.split("/")[:-1]
    if near.language == "python":
        dots = len(module) - len(module.lstrip("."))
        folders = folders[: len(folders) - (dots - 1)]
        return "/".join([*folders, *module.strip(".").split(".")])
    for part in _ENDING.sub("", module).split("/"):
        if part == "..":
            folders = folders[:-1]
        elif part not in (".", ""):
            folders.append(part)
    return re.sub(r"/index$", "", "/".join(folders))


def _imported(file: CodeFile) -> Iterator[tuple[str, tuple[str, str]]]:
    if file.language == "python":
        for module, names, whole, alias in _PYTHON.findall(file.text):
            if whole:
                yield alias or whole.rpartition(".")[2], (whole, "")
            for name, renamed in _RENAMED.findall(names.strip("() \t")) if names else ():
                yield renamed or name, (module, name)
        return
    for found in _SCRIPT.finditer(file.text):
        module = found["from"] or found["required"] or found["passed"]
        what = found["what"] or found["names"] or found["again"]
        inside = re.search(r"\{([^}]*)\}", what)
        for name, renamed in _RENAMED.findall(inside[1]) if inside else ():
            yield renamed or name, (module, name)
        default = re.sub(r"\{[^}]*\}|\*\s+as|,", " ", what).split()
        if default:
            yield default[0], (module, "")


def _stem(path: str) -> str:
    name = path.rpartition("/")[2].rpartition(".")[0]
    return path.rpartition("/")[0].rpartition("/")[2] if name in ("__init__", "index") else name


def _common(file: CodeFile, parts: Sequence[str]) -> int:
    own = re.sub(r"/(?:__init__|index)$", "", file.where.path.rpartition(".")[0]).split("/")
    count = 0
    for one, other in zip(reversed(own), reversed(parts), strict=False):
        if one != other:
            break
        count += 1
    return count


def _near(file: CodeFile, other: CodeFile) -> int:
    shared = 0
    for one, two in zip(file.where.path.split("/"), other.where.path.split("/"), strict=False):
        if one != two:
            break
        shared += 1
    return shared
