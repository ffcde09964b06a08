"""Commits of git repositories: rows compared whole, bounds that are said, and nothing of the repository that is run."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.readers import git_repository
from deep_code_reasoning.readers.git_repository import read_repository
from deep_code_reasoning.source import git as git_command
from deep_code_reasoning.store import CaseWriter, open_case

T0_S = 1781791200


def git(folder: Path, *arguments: str, at_s: int = T0_S) -> str:
    identity = {
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "GIT_AUTHOR_DATE": f"{at_s - 60} +0000",
        "GIT_COMMITTER_DATE": f"{at_s} +0000",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    environment = {**os.environ, **identity}
    done = subprocess.run(["git", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    for number, (path, text, message) in enumerate(
        (
            ("prices.py", "def price(ids):\n    return fetch(ids)\n", "Look up prices at once"),
            (
                "prices.py",
                "def price(ids):\n    return [fetch([i]) for i in ids]\n",
                "Look up prices one by one\n\nSimpler.",
            ),
            ("näme with space.txt", "x\n", "Add a file"),
        )
    ):
        (folder / path).write_text(text, "utf-8")
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", "--message", message, at_s=T0_S + 3600 * number)
    return folder


def read(tmp_path: Path, repository: Path, **bounds: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Rows, rejected rows, note."""
    case = tmp_path / f"case{len(list(tmp_path.iterdir()))}"
    with CaseWriter(case) as writer:
        read_repository(repository, "shop", writer, source_id=7, **bounds)
        writer.commit(CaseInfo("test"))
        note = writer.notes.get(7, "")
    with open_case(case) as store:
        return store.query("SELECT * FROM changes ORDER BY line"), store.query("SELECT * FROM rejected"), note


def test_a_commit_is_read_whole(tmp_path: Path, repository: Path) -> None:
    rows, rejected, note = read(tmp_path, repository)
    sha = git(repository, "rev-parse", "HEAD~1")
    blobs = [git(repository, "rev-parse", "--short", f"HEAD~{back}:prices.py") for back in (2, 1)]
    assert rows[1] == {
        "kind": "commit",
        "id": sha,
        "time_ns": (T0_S + 3600) * 1_000_000_000,
        "repo": "shop",
        "service": "",
        "commit_sha": sha,
        "version": "",
        "author": "Ada",
        "message": "Look up prices one by one\n\nSimpler.",
        "files": ["prices.py"],
        "diff": f"diff --git a/prices.py b/prices.py\nindex {blobs[0]}..{blobs[1]} 100644\n"
        "--- a/prices.py\n+++ b/prices.py\n"
        "@@ -1,2 +1,2 @@\n def price(ids):\n-    return fetch(ids)\n+    return [fetch([i]) for i in ids]\n",
        "attributes": {"author.email": "ada@example.com", "author.time": "2026-06-18T14:59:00Z"},
        "source_id": 7,
        "line": 2,
        "item": 0,
    }
    assert [row["files"] for row in rows] == [["näme with space.txt"], ["prices.py"], ["prices.py"]]
    assert (rejected, note) == ([], "")


def test_tags_stand_with_their_commit(tmp_path: Path, repository: Path) -> None:
    git(repository, "tag", "v1.2.0", "HEAD~1")
    git(repository, "tag", "--annotate", "--message", "stable, for now", "shop/stable", "HEAD~1")
    git(repository, "branch", "side", "HEAD~1")
    rows, _, _ = read(tmp_path, repository)
    assert [row["attributes"].get("tags") for row in rows] == [None, "shop/stable, v1.2.0", None]


def test_a_commit_of_very_many_tags_keeps_its_message(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(repository, "rev-parse", "HEAD")
    tags = [f"release-{number:05}" for number in range(9_000)]
    packed = "".join(f"{head} refs/tags/{tag}\n" for tag in tags)
    (repository / ".git" / "packed-refs").write_text(f"# pack-refs with: peeled fully-peeled sorted\n{packed}", "utf-8")
    rows, _, note = read(tmp_path, repository)
    assert (rows[0]["message"], rows[0]["attributes"]["tags"], note) == ("Add a file", ", ".join(tags), "")
    monkeypatch.setattr(git_repository, "MAX_TAGS", 5)
    rows, _, note = read(tmp_path, repository)
    assert (rows[0]["attributes"]["tags"], note) == (", ".join(tags[:5]), "the first 5 tags only")


def test_the_window_is_of_the_committers_time(tmp_path: Path, repository: Path) -> None:
    middle = (T0_S + 3600) * 1_000_000_000
    rows, _, _ = read(tmp_path, repository, since_ns=middle - 1_000_000_000, until_ns=middle + 1)
    assert [row["message"].split("\n")[0] for row in rows] == ["Look up prices one by one"]


def test_a_merge_says_what_it_brought(tmp_path: Path, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "feature", "HEAD~1")
    (repository / "new.py").write_text("a = 1\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Feature", at_s=T0_S + 7000)
    git(repository, "checkout", "--quiet", "main")
    git(repository, "merge", "--quiet", "--no-ff", "--message", "Merge feature", "feature", at_s=T0_S + 9000)
    rows, _, _ = read(tmp_path, repository)
    assert (rows[0]["message"], rows[0]["files"]) == ("Merge feature", ["new.py"])
    assert len(rows[0]["attributes"]["parents"].split()) == 2
    assert len(rows) == 5


def test_a_folder_inside_a_repository_stands_for_what_touched_it(tmp_path: Path, repository: Path) -> None:
    (repository / "cart").mkdir()
    (repository / "cart" / "a.py").write_text("a = 1\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Cart", at_s=T0_S + 9000)
    rows, _, _ = read(tmp_path, repository / "cart")
    assert [(row["message"], row["files"]) for row in rows] == [("Cart", ["cart/a.py"])]


def test_diffs_and_histories_are_bounded_and_the_note_says_it(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (repository / "big.txt").write_text("x" * 200_000 + "\n" + "short line\n" * 100_000)
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Big", at_s=T0_S + 9000)
    monkeypatch.setattr(git_repository, "MAX_COMMITS", 2)
    rows, rejected, note = read(tmp_path, repository)
    assert [row["message"] for row in rows] == ["Big", "Add a file"]
    assert 500_000 < len(rows[0]["diff"]) <= 1_000_000
    assert int(rows[0]["attributes"]["diff.bytes"]) > 1_300_000
    assert note == "the newest 2 commits only; 1 diff(s) cut: over 1000000 bytes, or 256000000 in all"
    assert rejected == []


@pytest.mark.parametrize("damage", ["none", "empty", "head", "object"])
def test_what_is_broken_gives_a_rejected_row_and_a_note(tmp_path: Path, repository: Path, damage: str) -> None:
    folder = repository
    if damage == "none":
        folder = tmp_path / "plain"
        folder.mkdir()
    elif damage == "empty":
        folder = tmp_path / "empty"
        folder.mkdir()
        git(folder, "init", "--quiet")
    elif damage == "head":
        (repository / ".git" / "HEAD").write_text("nonsense\n")
    else:
        sha = git(repository, "rev-parse", "HEAD~1")
        path = repository / ".git" / "objects" / sha[:2] / sha[2:]
        path.chmod(0o644)
        path.write_bytes(b"nonsense")
    rows, rejected, note = read(tmp_path, folder)
    assert len(rejected) == 1
    assert rejected[0]["source_id"] == 7
    assert rejected[0]["reason"]
    assert note.endswith(rejected[0]["reason"])
    assert note.startswith("partial: " if rows else "not read: ")


def test_nothing_that_the_repository_names_is_run(tmp_path: Path, repository: Path) -> None:
    trap = tmp_path / "trapped"
    script = tmp_path / "trap.sh"
    script.write_text(f"#!/bin/sh\ntouch {trap}\nexit 1\n")
    script.chmod(0o755)
    (repository / ".gitattributes").write_text("*.py diff=evil filter=evil\n")
    git(repository, "add", "--all")
    git(repository, "commit", "--quiet", "--message", "Attributes", at_s=T0_S + 9000)
    for name in (
        "core.fsmonitor", "core.pager", "core.editor", "core.sshCommand", "diff.external", "diff.evil.command",
        "diff.evil.textconv", "filter.evil.clean", "filter.evil.smudge", "filter.evil.process", "gpg.program",
        "pager.log", "credential.helper", "core.askPass", "interactive.diffFilter",
    ):  # fmt: skip
        git(repository, "config", name, str(script))
    git(repository, "config", "log.showSignature", "true")
    git(repository, "config", "core.hooksPath", str(tmp_path))
    for hook in ("post-checkout", "reference-transaction", "post-index-change"):
        (tmp_path / hook).write_text(script.read_text())
        (tmp_path / hook).chmod(0o755)
    rows, _, _ = read(tmp_path, repository)
    assert len(rows) == 4
    assert "return [fetch([i]) for i in ids]" in rows[2]["diff"]
    assert not trap.exists()


def test_the_callers_own_settings_do_not_matter(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected, _, _ = read(tmp_path, repository)
    home = tmp_path / "somebody"
    home.mkdir()
    (home / ".gitconfig").write_text("[diff]\n\tnoprefix = true\n[color]\n\tui = always\n[log]\n\tdate = relative\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    git_rows, _, _ = read(tmp_path, repository)
    assert git_rows == expected


def test_a_git_that_hangs_is_stopped_and_the_note_says_it(
    tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setattr(git_command.shutil, "which", lambda name: str(program))
    monkeypatch.setattr(git_command, "TIMEOUT_S", 0.3)
    rows, rejected, note = read(tmp_path, repository)
    assert rows == []
    assert rejected[0]["reason"] == "git did not finish within 0.3 s"
    assert note == "not read: git did not finish within 0.3 s"
