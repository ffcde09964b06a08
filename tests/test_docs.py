"""Documents are part of the code: what is generated is current, what is linked exists, what is shown runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")


def test_the_reference_is_what_the_code_says() -> None:
    script = ROOT / "docs" / "generate_reference.py"
    done = subprocess.run([sys.executable, str(script), "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_file_on_the_map_is_in_its_room() -> None:
    package = ROOT / "src" / "deep_code_reasoning"
    rooms = re.findall(r"^\| `([a-z]+)/` \|(.*)", (ROOT / "ARCHITECTURE.md").read_text("utf-8"), re.MULTILINE)
    named = [(room, name) for room, row in rooms for name in re.findall(r"`([a-z_/]+(?:/|\.py))`", row)]
    assert len(named) > 40
    assert [
        where for where in named if not package.joinpath(*where).exists() and not (package / where[1]).exists()
    ] == []


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z][a-z -]*)`", page.read_text("utf-8")))
        assert {word for words in named for word in words.split()} <= targets, page.name


def test_every_command_that_is_named_exists() -> None:
    from deep_code_reasoning.cli.main import COMMANDS

    for page in PAGES:
        named = set(re.findall(r"`dcr ([a-z]+)", page.read_text("utf-8")))
        assert named <= COMMANDS.keys(), page.name


def test_decisions_fit_on_a_page_and_each_has_a_number_of_its_own() -> None:
    decisions = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "decisions").glob("*.md")}
    assert [name for name, text in decisions.items() if len(text.splitlines()) > 70] == []
    assert [name for name, text in decisions.items() if not text.startswith(f"# {name[:3]}: ")] == []
    assert len({name[:3] for name in decisions}) == len(decisions)


def test_each_lesson_is_held_by_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \|(.*)$", (ROOT / "docs" / "lessons.md").read_text("utf-8"), re.MULTILINE)
    assert [int(number) for number, _ in rows] == list(range(1, 32))
    for number, row in rows:
        held_by = re.findall(r"`([\w/]+\.py)::(test_\w+)`", row)
        assert held_by, f"lesson {number} has no test"
        for file, name in held_by:
            text = (ROOT / "tests" / file).read_text("utf-8")
            assert re.search(rf"^(?:async )?def {name}\(", text, re.MULTILINE), f"{file}::{name}"
