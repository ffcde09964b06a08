"""The files that contracts are read from, in folders as they stand or at revisions, with git's ids of their texts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Protocol

from ..errors import SourceError
from .blobs import Blob, commit_of, git_id, place_in_repository, revision_blobs, revision_contents, why_not_text
from .roots import Roots, Skipped, SourceFile, SourcePath, decoded


class CodeFiles(Protocol):
    """Files of several repositories.

    `commits` are those of repositories that are read at a revision. `dependencies` are the folders (`REPO/PATH`) of
    what others wrote, whose files are not listed. `read` gives files in the order they are asked for, what cannot be
    read as `Skipped`; `blobs` their ids and sizes, without those that cannot be read. The text of an id is always the
    same.
    """

    @property
    def names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def files(self) -> tuple[SourcePath, ...]: ...  # noqa: D102
    @property
    def commits(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def dependencies(self) -> tuple[str, ...]: ...  # noqa: D102
    def read(self, paths: Iterable[SourcePath]) -> Iterator[SourceFile | Skipped]: ...  # noqa: D102
    def blobs(self, paths: Iterable[SourcePath]) -> dict[SourcePath, Blob]: ...  # noqa: D102


class Standing:
    """Files as they stand in their folders."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.names = roots.names
        self.files = roots.files
        self.commits: Mapping[str, str] = {}
        self.dependencies = roots.dependencies

    def read(self, paths: Iterable[SourcePath]) -> Iterator[SourceFile | Skipped]:
        """Their texts."""
        for where in paths:
            try:
                yield self._roots.read(where)
            except SourceError as refusal:
                yield Skipped(str(where), refusal.message)

    def blobs(self, paths: Iterable[SourcePath]) -> dict[SourcePath, Blob]:
        """Their ids: each is read."""
        found = {}
        for file in self.read(paths):
            if isinstance(file, SourceFile):
                content = file.text.encode()
                found[file.where] = Blob(git_id(content), len(content))
        return found


class Revised:
    """Files of repositories at revisions, out of git's objects; those of the other roots as they stand.

    Args:
        roots: the folders; a bare repository is one too, and so is a folder inside a repository.
        revisions: by the names of roots.

    Raises:
        SourceNotFoundError: when a root has no such revision, or is no repository.
        UnreadableSourceError: when a repository is broken.
    """

    def __init__(self, roots: Roots, revisions: Mapping[str, str]) -> None:
        self._roots = roots
        self._standing = Standing(roots)
        self.names = roots.names
        revised = tuple(f"{name}/" for name in revisions)
        self.dependencies = tuple(each for each in roots.dependencies if not each.startswith(revised))
        self.commits = {name: commit_of(roots.folder(name), revision) for name, revision in revisions.items()}
        self._blobs: dict[SourcePath, Blob] = {}
        self._left_out: dict[SourcePath, str] = {}
        for name, commit in self.commits.items():
            self._list(name, commit)
        standing = (where for where in roots.files if where.repo not in self.commits)
        self.files = tuple(sorted([*standing, *self._blobs, *self._left_out]))

    def _list(self, name: str, commit: str) -> None:
        folder = self._roots.folder(name)
        above = place_in_repository(folder)
        files, left_out = revision_blobs(folder, commit)
        self._blobs |= {
            SourcePath(name, path.removeprefix(above)): blob for path, blob in files.items() if path.startswith(above)
        }
        self._left_out |= {
            SourcePath(name, each.path.removeprefix(above)): each.reason
            for each in left_out
            if each.path.startswith(above)
        }

    def read(self, paths: Iterable[SourcePath]) -> Iterator[SourceFile | Skipped]:
        """Their texts; those of one repository by one git, so they should come one repository after the other."""
        for repo, some in groupby(paths, key=lambda where: where.repo):
            if repo not in self.commits:
                yield from self._standing.read(some)
                continue
            asked = list(some)
            known = [where for where in asked if where in self._blobs]
            contents = revision_contents(self._roots.folder(repo), [self._blobs[where].sha for where in known])
            for where in asked:
                if where not in self._blobs:
                    yield Skipped(str(where), self._left_out.get(where, "it is gone"))
                    continue
                _, content = next(contents)
                refusal = "missing, or broken" if content is None else why_not_text(content)
                yield (
                    Skipped(str(where), refusal) if content is None or refusal else SourceFile(where, decoded(content))
                )

    def blobs(self, paths: Iterable[SourcePath]) -> dict[SourcePath, Blob]:
        """Their ids, as the revision lists them; nothing is read."""
        asked = list(paths)
        found = {where: self._blobs[where] for where in asked if where in self._blobs}
        return found | self._standing.blobs(where for where in asked if where.repo not in self.commits)
