"""The source that each labelled issue was about: the package's last release before the issue was written.

The labelled issues name a base commit; a release before it is close to it and can be had from a package index. Files
that the fix edited and that the release does not have cannot be found by anyone: they are counted apart.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pip._internal.models.index import PyPI  # where pip itself asks

_PACKAGES: Final = {"pvlib/pvlib-python": "pvlib", "pylint-dev/astroid": "astroid"}
_TIMEOUT_S: Final = 60


@dataclass(frozen=True, slots=True)
class Issue:
    """One labelled issue: its text, where the source lies, and the lines that the fix edited, by file."""

    id: str
    text: str
    root: Path
    gold: dict[str, tuple[int, ...]]

    @property
    def missing(self) -> tuple[str, ...]:
        """Edited files that the release does not have."""
        return tuple(path for path in self.gold if not (self.root / path).is_file())


def load_issues(labels: Path, cache: Path) -> list[Issue]:
    """All issues with their sources; what is not in the cache yet is fetched."""
    records = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    releases: dict[str, list[dict[str, Any]]] = {}
    issues = []
    for record in records:
        package = _PACKAGES.get(record["repo"], record["repo"].rpartition("/")[2])
        if package not in releases:
            releases[package] = _releases(package, cache)
        before = [file for file in releases[package] if file["upload-time"] < record["created_at"]]
        root = _unpacked(before[-1], cache)
        gold = {path: tuple(lines) for path, lines in record["gold_lines"].items()}
        issues.append(Issue(record["instance_id"], record["problem_statement"], root, gold))
    return issues


def _releases(package: str, cache: Path) -> list[dict[str, Any]]:
    """Source archives of a package that are no pre-releases, oldest first."""
    listing = cache / f"{package}.json"
    if not listing.is_file():
        accept = {"Accept": "application/vnd.pypi.simple.v1+json"}
        request = urllib.request.Request(f"{PyPI.simple_url}/{package}/", headers=accept)
        listing.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            listing.write_bytes(answer.read())
    files = json.loads(listing.read_text(encoding="utf-8"))["files"]
    archives = [file for file in files if file["filename"].endswith(".tar.gz")]
    return sorted(archives, key=lambda file: str(file["upload-time"]))


def _unpacked(file: dict[str, Any], cache: Path) -> Path:
    """The folder of a source archive, unpacked when it is not there yet."""
    folder = cache / str(file["filename"]).removesuffix(".tar.gz")
    if not folder.is_dir():
        archive = cache / file["filename"]
        with urllib.request.urlopen(file["url"], timeout=_TIMEOUT_S) as answer:
            content = answer.read()
        if hashlib.sha256(content).hexdigest() != file["hashes"]["sha256"]:
            raise ValueError(f"{file['filename']} is not what the index promised")
        archive.write_bytes(content)
        with tarfile.open(archive) as tar:
            tar.extractall(cache / f"{folder.name}.part", filter="data")
        (inner,) = (cache / f"{folder.name}.part").iterdir()
        inner.rename(folder)
        (cache / f"{folder.name}.part").rmdir()
        archive.unlink()
    return folder
