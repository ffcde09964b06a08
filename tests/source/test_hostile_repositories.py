"""Repositories made to do harm: nothing that they name is run; what cannot be read is said, and costs itself alone."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from deep_code_reasoning.errors import SourceError
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.blobs import revision_contents, revision_files
from deep_code_reasoning.source.git import git
from deep_code_reasoning.source.index import SourceIndex
from deep_code_reasoning.source.localise import localise
from deep_code_reasoning.source.outline import outline
from source.conftest import Repository


class Trap:
    """A program that leaves a file behind when it is run."""

    def __init__(self, folder: Path) -> None:
        self._sprung = folder / "sprung"
        self.program = folder / "trap.sh"
        self.program.write_text(f"#!/bin/sh\ntouch {self._sprung}\n")
        self.program.chmod(0o755)

    def was_sprung(self) -> bool:
        """Whether it was run since the last time that this was asked."""
        found = self._sprung.exists()
        self._sprung.unlink(missing_ok=True)
        return found


@pytest.fixture
def trap(tmp_path: Path) -> Trap:
    return Trap(tmp_path)


def plain(repository: Repository, *arguments: str) -> None:
    """Git as anybody runs it: without our hardening, and whatever it ends with."""
    subprocess.run(
        ["git", "-C", str(repository.folder), *arguments],
        capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip


def read_all(repository: Repository, index: SourceIndex) -> None:
    """Everything that this room does with a repository; what reads its history has tests of its own."""
    for revision in ("HEAD", "HEAD~1"):
        files, _ = revision_files(repository.folder, revision)
        dict(revision_contents(repository.folder, list(files.values())))
        index.add_revision("shop", repository.folder, revision)
    index.add_folder("shop", Roots([repository.folder]))


# What springs each trap when plain git is run: the setting, the attribute that it needs, and the command.
SETTINGS = {
    "core.fsmonitor": ("", ["status"]),
    "diff.external": ("", ["diff", "HEAD~1"]),
    "diff.trap.textconv": ("* diff=trap", ["diff", "HEAD~1"]),
    "diff.trap.command": ("* diff=trap", ["diff", "HEAD~1"]),
    "filter.trap.clean": ("* filter=trap", ["add", "--renormalize", "."]),
    "filter.trap.smudge": ("* filter=trap", ["checkout", "HEAD~1", "--", "a.py"]),
    "alias.trap": ("", ["trap"]),
    "core.sshCommand": ("", ["fetch", "ssh://nobody@localhost/x"]),
}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize("through_include", [False, True])
def test_no_setting_is_run(
    repository: Repository, index: SourceIndex, trap: Trap, setting: str, through_include: bool, tmp_path: Path
) -> None:
    attributes, command = SETTINGS[setting]
    repository.commit({".gitattributes": f"{attributes}\n", "a.py": "one = 1\n"})
    repository.commit({"a.py": "two = 2\n"})
    place = tmp_path / "included" if through_include else repository.folder / ".git" / "config"
    value = f"!{trap.program}" if setting.startswith("alias") else str(trap.program)
    subprocess.run(["git", "config", "--file", str(place), setting, value], check=True)
    if through_include:
        repository.git("config", "include.path", str(place))
    plain(repository, *command)
    assert trap.was_sprung(), "the trap does not work, so this test would say nothing"
    read_all(repository, index)
    assert not trap.was_sprung()


def test_a_missing_object_is_not_fetched_by_a_program(repository: Repository, index: SourceIndex, trap: Trap) -> None:
    repository.commit({"a.py": "one = 1\n", "b.py": "two = 2\n"})
    sha = repository.git("rev-parse", "HEAD:b.py")
    (repository.folder / ".git" / "objects" / sha[:2] / sha[2:]).unlink()
    for name, value in {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin", "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::{trap.program}", "protocol.ext.allow": "always", "protocol.allow": "always",
    }.items():  # fmt: skip
        repository.git("config", name, value)
    plain(repository, "cat-file", "-p", sha)
    assert trap.was_sprung()
    done = index.add_revision("shop", repository.folder, "HEAD")
    assert not trap.was_sprung()
    assert [(item.path, item.reason) for item in done.left_out] == [("b.py", "missing, or broken")]
    with git(repository.folder, ["fetch", "origin"]) as fetching:
        fetching.output.read()
    assert not trap.was_sprung()
    assert fetching.fault


def test_a_broken_tree_is_an_error_and_no_crash(repository: Repository, index: SourceIndex) -> None:
    repository.commit({"sub/a.py": "one = 1\n"})
    sha = repository.git("rev-parse", "HEAD:sub")
    place = repository.folder / ".git" / "objects" / sha[:2] / sha[2:]
    place.chmod(0o644)
    place.write_bytes(b"no zlib at all")
    with pytest.raises(SourceError, match="shop cannot be read at HEAD"):
        index.add_revision("shop", repository.folder, "HEAD")


def test_names_that_are_no_text_are_left_out_of_revisions_too(repository: Repository, index: SourceIndex) -> None:
    place = os.fsencode(repository.folder)
    for name in (b"bad\xff.py", b"worse\xfe.py", b"two\nlines.py", b"\x1b[31mred.py"):
        Path(os.fsdecode(place + b"/" + name)).write_text("hostile = 1\n")
    repository.commit({"a.py": "hostile = 2\n"})
    done = index.add_revision("shop", repository.folder, "HEAD")
    assert index.files([done.tree]) == [("shop", "a.py")]
    assert [item.reason for item in done.left_out] == ["its name is no text"] * 4
    assert all(item.path.isprintable() for item in done.left_out)


def test_what_no_person_wrote_is_left_out_and_the_rest_is_found(index: SourceIndex, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    with (folder / "dump.py").open("wb") as file:
        file.truncate(500_000_000)
    (folder / "lines.js").write_bytes(b"a;\n" * 1_000_000)
    (folder / "one_line.js").write_bytes(b"a=b;" * 400_000)
    (folder / "latin.py").write_bytes(b"def voucher():\n    return '\xe9\xff'\n")
    (folder / "loop").symlink_to(folder, target_is_directory=True)
    (folder / "self.py").symlink_to(folder / "self.py")
    (folder / "passwd.py").symlink_to("/etc/passwd")
    started = time.process_time()
    done = index.add_folder("shop", Roots([folder]))
    assert time.process_time() - started < 5
    assert {item.path for item in done.left_out} == {"dump.py", "lines.js", "one_line.js", "self.py", "passwd.py"}
    assert all(item.reason for item in done.left_out)
    assert [place.path for place in localise(index, [done.tree], "voucher")] == ["latin.py"]


def test_a_file_of_a_million_lines_is_read_in_time() -> None:
    started = time.process_time()
    assert outline("a.js", b"f(\n" * 660_000).lines == 660_001
    assert time.process_time() - started < 10


def test_text_that_would_take_forever_is_left_out_with_a_note() -> None:
    started = time.process_time()
    assert outline("a.js", b"/*\n" * 600_000).note == "its structure takes too long to be read"
    assert time.process_time() - started < 10
    assert [unit.name for unit in outline("b.js", b"function next() {}\n").units] == ["", "next"]
