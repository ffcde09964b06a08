"""What may be read, and where evidence may be sent, as the user says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from deep_code_reasoning.app.settings import load_settings
from deep_code_reasoning.errors import OutsideRootsError, UsageError
from deep_code_reasoning.store.library import home


def configure(text: str) -> None:
    home().mkdir(parents=True, exist_ok=True)
    (home() / "config.toml").write_text(text)


def test_roots_come_from_the_project_the_configuration_and_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / name for name in ("project", "configured", "named")]
    for folder in folders:
        (folder / "evidence").mkdir(parents=True)
    configure(f'roots = ["{folders[1]}", "{tmp_path}/gone"]\nsend_evidence_to = ["google"]\n')
    monkeypatch.setenv("DCR_ROOTS", os.pathsep.join(["", str(folders[2])]))
    settings = load_settings(folders[0])
    assert set(settings.roots) == {folder.resolve() for folder in folders}
    # A relative path is meant from the project.
    assert settings.allowed_path("evidence") == (folders[0] / "evidence").resolve()
    assert settings.may_send_to("deep", "google")
    assert not settings.may_send_to("deep", "openai")


def test_neither_a_home_nor_a_disk_is_a_project(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for wide in (Path("/"), tmp_path):
        assert load_settings(wide).roots == ()


def test_ways_out_are_refused_and_tell_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "there").write_text("x")
    (root / "link").symlink_to(tmp_path / "there")
    (root / "loop").symlink_to(root / "loop")
    settings = load_settings(root)
    for path in ("../there", "link", str(tmp_path / "there")):
        with pytest.raises(OutsideRootsError):
            settings.allowed_path(path)
    with pytest.raises(OutsideRootsError):
        settings.allowed_path(str(tmp_path / "not-there"))
    for path in ("missing", "loop", "", "a\0b"):
        with pytest.raises(UsageError):
            settings.allowed_path(path)


@pytest.mark.parametrize("text", ["roots = 7", "rots = []", "roots = [", "send_evidence_to = [1]"])
def test_a_configuration_that_cannot_be_read_is_told(text: str) -> None:
    configure(text)
    with pytest.raises(UsageError, match=r"config\.toml"):
        load_settings()
