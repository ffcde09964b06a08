"""Revisions are read out of git's objects, whatever somebody has put there."""

from __future__ import annotations

from pathlib import Path

import pytest

from deep_code_reasoning.errors import SourceNotFoundError
from deep_code_reasoning.source import blobs
from deep_code_reasoning.source.blobs import git_id, revision_contents, revision_files, why_not_text
from source.conftest import Repository


def test_a_content_has_the_id_that_git_gives_it(repository: Repository) -> None:
    repository.commit({"a.py": "x = 1\n"})
    assert git_id(b"x = 1\n") == repository.git("rev-parse", "HEAD:a.py")


def test_a_revision_is_read_and_the_working_copy_is_not(repository: Repository) -> None:
    first = repository.commit({"a.py": "one\n", "sub/b.py": "two\n"})
    repository.commit({"a.py": "later\n"})
    repository.write({"a.py": "not committed\n"})
    files, left_out = revision_files(repository.folder, first)
    assert left_out == []
    contents = dict(revision_contents(repository.folder, list(files.values())))
    assert {path: contents[sha] for path, sha in files.items()} == {"a.py": b"one\n", "sub/b.py": b"two\n"}


@pytest.mark.parametrize("revision", ["no-such-branch", "--help", "--output=x", "HEAD:a.py", "", "a b\nc"])
def test_what_is_no_revision_is_refused(repository: Repository, revision: str) -> None:
    repository.commit({"a.py": "one\n"})
    with pytest.raises(SourceNotFoundError, match="has no revision"):
        revision_files(repository.folder, revision)


def test_a_folder_without_a_repository_is_refused(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    with pytest.raises(SourceNotFoundError):
        revision_files(tmp_path / "plain", "HEAD")


def test_links_submodules_secrets_and_large_files_are_left_out_with_the_reason(
    repository: Repository, tmp_path: Path
) -> None:
    other = Repository(tmp_path / "other")
    other.commit({"x.py": "x\n"})
    repository.git("submodule", "--quiet", "add", str(other.folder), "vendored")
    repository.write({"a.py": "one\n", ".env": "KEY=1\n", "big.js": b"x\n" * 1_500_000})
    (repository.folder / "loop").symlink_to(".")
    (repository.folder / "passwd.py").symlink_to("/etc/passwd")
    files, left_out = revision_files(repository.folder, repository.commit())
    assert set(files) == {"a.py", ".gitmodules"}
    assert {missing.path: missing.reason for missing in left_out} == {
        ".env": "by its name it holds secrets (environment file)",
        "big.js": "3,000,000 bytes, more than 2,000,000",
        "loop": "a link",
        "passwd.py": "a link",
        "vendored": "another repository inside this one",
    }


def test_a_broken_object_costs_itself_alone(repository: Repository) -> None:
    repository.commit({f"{name}.py": f"{name}\n" * 50 for name in "abcd"})
    files, _ = revision_files(repository.folder, "HEAD")
    for name, damage in (("b", b"no zlib at all"), ("c", None)):
        place = repository.folder / ".git" / "objects" / files[f"{name}.py"][:2] / files[f"{name}.py"][2:]
        place.chmod(0o644)
        place.write_bytes(damage) if damage else place.unlink()
    listed, _ = revision_files(repository.folder, "HEAD")
    assert listed == files
    contents = dict(revision_contents(repository.folder, list(files.values())))
    assert {path: contents[sha] is not None for path, sha in files.items()} == {
        "a.py": True, "b.py": False, "c.py": False, "d.py": True,
    }  # fmt: skip


def test_many_contents_are_read_by_several_gits(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blobs, "IDS_AT_ONCE", 2)
    repository.commit({f"{name}.py": f"{name}\n" for name in "abcde"})
    files, _ = revision_files(repository.folder, "HEAD")
    wanted = list(files.values())
    assert list(revision_contents(repository.folder, wanted)) == [
        (sha, f"{path[0]}\n".encode()) for path, sha in files.items()
    ]


def test_nothing_that_a_repository_configures_is_run(repository: Repository, tmp_path: Path) -> None:
    trap = tmp_path / "trap.sh"
    sprung = tmp_path / "sprung"
    trap.write_text(f"#!/bin/sh\ntouch {sprung}\ncat\n")
    trap.chmod(0o755)
    repository.write({".gitattributes": "* filter=trap diff=trap\n", "a.py": "one\n"})
    repository.commit()
    for hook in ("post-checkout", "post-index-change", "reference-transaction", "pre-commit"):
        place = repository.folder / ".git" / "hooks" / hook
        place.write_text(trap.read_text())
        place.chmod(0o755)
    for name in (
        "core.fsmonitor", "core.pager", "core.sshCommand", "core.editor", "core.askPass", "diff.external",
        "alias.ls-tree", "alias.cat-file", "filter.trap.smudge", "filter.trap.clean", "filter.trap.process",
        "diff.trap.textconv", "diff.trap.command", "credential.helper", "gpg.program", "pager.ls-tree",
        "pager.cat-file",
    ):  # fmt: skip
        repository.git("config", name, f"!{trap}" if "alias" in name else str(trap))
    files, _ = revision_files(repository.folder, "HEAD")
    contents = dict(revision_contents(repository.folder, list(files.values())))
    assert contents[files["a.py"]] == b"one\n"
    assert not sprung.exists()


def test_data_and_private_keys_are_no_text() -> None:
    assert why_not_text(b"x = 1\n") == ""
    assert why_not_text(b"\x89PNG\0") == "no text"
    assert why_not_text(b"-----BEGIN RSA PRIVATE KEY-----\nMIIE\n") == "a private key"
