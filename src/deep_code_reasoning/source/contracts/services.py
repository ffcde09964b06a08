"""Which service a file belongs to: the innermost folder that is built or deployed on its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final

from ..roots import SourcePath
from .environment import Deployment

# A folder with one of these is built on its own.
_MANIFESTS: Final = frozenset(
    "package.json go.mod pom.xml build.gradle build.gradle.kts settings.gradle settings.gradle.kts build.sbt "
    "cargo.toml pyproject.toml setup.py requirements.txt setup.cfg deno.json pipfile gemfile composer.json mix.exs "
    "cmakelists.txt dockerfile".split()
)
_MANIFEST_ENDINGS: Final = (".csproj", ".fsproj")
# Folders named for what is in them and not for who it is.
_GENERIC: Final = frozenset(
    "src app apps lib main server service services backend code cmd api java kotlin source project tests test "
    "build docker deploy pkg internal packages modules microservices".split()
)


class Services:
    """The services of a set of files.

    Args:
        files: all files of the roots.
        deployment: what compose files say; a service of theirs names the folder that it is built from.
        names: names that applications give themselves, a folder (`REPO/folder`) each.
    """

    def __init__(self, files: Iterable[SourcePath], deployment: Deployment, names: Mapping[str, str]) -> None:
        self._folders: dict[str, str] = {}
        for where in files:
            folder, _, name = str(where).rpartition("/")
            if name.lower() in _MANIFESTS or name.endswith(_MANIFEST_ENDINGS):
                owner = _named_folder(folder)
                self._folders.setdefault(owner, owner.rpartition("/")[2])
        for folder, name in names.items():
            self._folders[_named_folder(folder)] = name
        built: dict[str, list[str]] = {}
        for service, folder in deployment.folders.items():
            built.setdefault(_named_folder(folder), []).append(service)
        self._folders.update({folder: services[0] for folder, services in built.items() if len(services) == 1})
        self._of_folder = lru_cache(maxsize=None)(self._find)

    def of(self, where: SourcePath) -> str:
        """The service of a file; the repository's name when nothing tells more."""
        return self._of_folder(str(where).rpartition("/")[0])

    @property
    def names(self) -> frozenset[str]:
        """The names of all services that have a folder of their own."""
        return frozenset(self._folders.values())

    def _find(self, folder: str) -> str:
        at = folder
        while at:
            if at in self._folders:
                return self._folders[at]
            at = at.rpartition("/")[0]
        return folder.partition("/")[0]


def _named_folder(folder: str) -> str:
    """The folder that names a service: above `src`, `app` and their kin, never above the repository."""
    while folder.rpartition("/")[2].lower() in _GENERIC and "/" in folder:
        folder = folder.rpartition("/")[0]
    return folder
