"""Files that stand apart from the code of a system: tests, examples, what others wrote, what tools wrote.

They share a report's words and are hardly ever what has to change. They are listed, and found when a report names
them; they are not read. Nor is what they say a contract of anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

_FOLDERS: Final = re.compile(
    r"(?:^|/)(?:tests|__tests__|specs?|examples|samples|e2e|cypress|fixtures|mocks?|__mocks__|testdata|vendor|third_party"
    r"|_vendor|extern)/"
    # Deeper, they are packages of Java: `com/example/shop`.
    r"|^(?:example|sample)/"
)
# What is written about the code; a specification among it is a contract all the same.
_DOCUMENTS: Final = re.compile(r"(?:^|/)(?:docs?|benchmarks?)/")
# One `test` folder inside a Python package is as often what a framework offers for testing (`django/test/client.py`);
# the tests in it are known by their names.
_TESTING: Final = re.compile(r"^(?:test|testing)/|/(?:test|testing)/(?!.*\.pyi?$)")
_NAMES: Final = re.compile(
    r"(?:^|/)(?:conftest\.py|tests?\.py|test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|\.cy|Tests?|IT)\.\w+"
    # What generators write: it has a client and a server of every service, and calls none.
    r"|[^/]*(?:_pb2(?:_grpc)?\.pyi?|\.pb(?:\.\w+)*\.(?:go|h|cc)|Grpc(?:Kt)?\.(?:java|kt|cs)|_pb\.(?:[jt]s|rb)|_grpc_pb\.[jt]s"
    r"|\.d\.ts|[._]generated\.\w+|\.designer\.cs|\.min\.\w+))$"
)

# Folders of what others wrote, wherever they lie; a root may be one itself.
DEPENDENCIES: Final = frozenset(
    "node_modules bower_components jspm_packages site-packages .venv venv .tox .nox".split()
)
# Folders that a build makes where one of these files lies beside them.
_MADE_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "dist": ("package.json", "pyproject.toml", "setup.py"),
    "build": ("package.json", "build.gradle", "build.gradle.kts", "setup.py"),
    "target": ("pom.xml", "cargo.toml", "build.sbt"),
    "bin": (".csproj", ".fsproj"),
    "obj": (".csproj", ".fsproj"),
}
OTHERS: Final = "what others wrote"
_BUILT: Final = "what a build makes"
# Lines this long on average are minified or generated: they are read by nobody and cost the most.
_MAX_MEAN_LINE: Final = 400


def unwritten_folders(paths: Iterable[str]) -> dict[str, str]:
    """The outermost folders of files that nobody of the system wrote, each with what it holds.

    Args:
        paths: all files, each as `REPO/PATH`: what a build makes is told by what lies beside it.
    """
    folders: dict[str, set[str]] = {}  # each with the names of its files and folders
    for path in paths:
        above, _, name = path.rpartition("/")
        while above and name.lower() not in folders.setdefault(above, set()):
            folders[above].add(name.lower())
            above, _, name = above.rpartition("/")
    found: dict[str, str] = {}
    inside: set[str] = set()
    for folder in sorted(folders):
        above, _, name = folder.rpartition("/")
        if above in found or above in inside:
            inside.add(folder)
        elif name in DEPENDENCIES:
            found[folder] = OTHERS
        elif name in _MADE_BY and any(each.endswith(_MADE_BY[name]) for each in folders.get(above, ())):
            found[folder] = _BUILT
    return found


def is_minified(text: str | bytes) -> bool:
    """Whether the lines of a text are too long to be written by people."""
    breaks = text.count("\n") if isinstance(text, str) else text.count(b"\n")
    return len(text) > _MAX_MEAN_LINE * (breaks + 1)


def stands_apart(path: str) -> bool:
    """Whether a file is a test, an example, vendored, generated or about the code, by its path in its repository."""
    return is_foreign(path) or _DOCUMENTS.search(path) is not None


def is_foreign(path: str) -> bool:
    """Whether a file is a test, an example, vendored or generated, by its path in its repository."""
    return any(pattern.search(path) for pattern in (_FOLDERS, _TESTING, _NAMES))
