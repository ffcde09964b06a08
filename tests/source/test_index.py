"""The index: what it finds, what it costs to bring up to date, and what it survives."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from deep_code_reasoning.errors import UnreadableSourceError
from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.apart import stands_apart
from deep_code_reasoning.source.index import SourceIndex, path_stem
from deep_code_reasoning.source.words import words
from source.conftest import Repository

CART = "class Cart:\n    def total(self):\n        return apply_discount(self.items)\n"
DISCOUNT = "def apply_discount(items):\n    '''Cuts the price.'''\n    return sum(items)\n"


def found(index: SourceIndex, tree: int, text: str) -> list[str]:
    return [f"{hit.path}:{hit.name}" for hit in index.search(list(words(text)), [tree], 10)]


def test_functions_are_found_by_words_names_and_calls(index: SourceIndex, repository: Repository) -> None:
    repository.commit({"shop/cart.py": CART, "shop/discount.py": DISCOUNT})
    tree = index.add_revision("shop", repository.folder, "HEAD").tree
    assert found(index, tree, "price")[0] == "shop/discount.py:apply_discount"
    assert [hit.name for hit in index.definitions(["TOTAL", "nothing"], [tree])] == ["Cart.total"]
    assert [(hit.name, line) for hit, line in index.callers("apply_discount", [tree], 5)] == [("Cart.total", 3)]
    assert [(hit.kind, hit.name) for hit in index.units("shop", "shop/cart.py", [tree])] == [
        ("module", ""), ("class", "Cart"), ("function", "Cart.total"),
    ]  # fmt: skip
    assert index.files([tree]) == [("shop", "shop/cart.py"), ("shop", "shop/discount.py")]
    assert index.files_with_stem(["cart", "nothing"], [tree]) == [("shop", "shop/cart.py")]
    assert index.files_by_path_word("discount", [tree], 9) == [("shop", "shop/discount.py")]
    assert index.rare(["price", "cart", "nothing"], 9) == ["price", "cart"]
    assert index.rare(["price", "cart", "nothing"], 2) == ["price"]


def test_a_second_revision_costs_its_new_contents_alone(index: SourceIndex, repository: Repository) -> None:
    first = repository.commit({"a.py": CART, "b.py": DISCOUNT})
    second = repository.commit({"b.py": "def other():\n    pass\n", "moved/a.py": CART})
    before, after = (index.add_revision("shop", repository.folder, revision) for revision in (first, second))
    assert (before.files, before.new_files) == (2, 2)
    assert (after.files, after.new_files) == (3, 1)
    assert index.add_revision("copy", repository.folder, first).new_files == 0
    assert found(index, before.tree, "price") == ["b.py:apply_discount"]
    assert found(index, after.tree, "price") == []


def test_a_folder_is_brought_up_to_date_by_what_changed(index: SourceIndex, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in (("a.py", CART), ("b.py", DISCOUNT), ("c.py", "def old():\n    pass\n"), ("README.md", "price")):
        (folder / name).write_text(text)
    first = index.add_folder("shop", Roots([folder]))
    assert (first.files, first.new_files) == (3, 3)
    (folder / "b.py").write_text("def dearer():\n    '''Raises what is paid.'''\n")
    os.utime(folder / "b.py", ns=(1, 1))
    (folder / "c.py").unlink()
    again = index.add_folder("shop", Roots([folder]))
    assert (again.tree, again.files, again.new_files) == (first.tree, 2, 1)
    assert found(index, again.tree, "price") == []
    assert found(index, again.tree, "paid") == ["b.py:dearer"]
    assert index.add_folder("shop", Roots([folder])).new_files == 0


def test_a_folder_and_a_revision_share_what_they_have_in_common(index: SourceIndex, repository: Repository) -> None:
    repository.commit({"a.py": CART})
    index.add_revision("shop", repository.folder, "HEAD")
    assert index.add_folder("shop", Roots([repository.folder])).new_files == 0


def test_what_is_left_out_is_said(index: SourceIndex, tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    (folder / "app.bundle.js").write_text("function a(){return 1};" * 1_000)
    (folder / "data.py").write_bytes(b"x\0y")
    (folder / "huge.py").write_bytes(b"x = 1\n" * 400_000)
    (folder / "latin.py").write_bytes(b"def caf\xe9():\n    pass\n")
    (folder / "pipe.py").symlink_to("/dev/zero")
    (Path(os.fsdecode(os.fsencode(folder) + b"/bad\xff.py"))).write_text("x = 1\n")
    (folder / "key.conf").write_text("-----BEGIN PRIVATE KEY-----\nMIIE\n")
    done = index.add_folder("shop", Roots([folder]))
    assert found(index, done.tree, "caf") == ["latin.py:caf"]
    assert {item.path.rpartition("/")[2] for item in done.left_out} == {
        "app.bundle.js", "data.py", "huge.py", "pipe.py", "'bad\\udcff.py'", "key.conf",
    }  # fmt: skip
    assert all(item.reason for item in done.left_out)


def test_what_there_was_no_time_for_comes_with_the_next_time(index: SourceIndex, repository: Repository) -> None:
    repository.commit({f"{name}.py": f"def {name}():\n    pass\n" for name in "abc"})
    turns = iter([False, True])
    first = index.add_folder("shop", Roots([repository.folder]), stop=lambda: next(turns))
    assert (first.files, first.new_files, first.unread) == (1, 1, 2)
    second = index.add_folder("shop", Roots([repository.folder]))
    assert (second.files, second.new_files, second.unread) == (3, 2, 0)


def test_files_that_stand_apart_are_listed_and_not_read(index: SourceIndex, repository: Repository) -> None:
    repository.commit({"shop/cart.py": CART, "tests/test_cart.py": DISCOUNT, "vendor/x.js": "price()"})
    for done in (
        index.add_revision("shop", repository.folder, "HEAD"),
        index.add_folder("shop", Roots([repository.folder])),
    ):
        assert (done.files, done.apart) == (3, 2)
        assert found(index, done.tree, "price") == []
        assert index.files_with_stem(["test_cart"], [done.tree]) == [("shop", "tests/test_cart.py")]
    moved = repository.commit({"shop/discount.py": DISCOUNT})
    assert found(index, index.add_revision("shop", repository.folder, moved).tree, "price") == [
        "shop/discount.py:apply_discount"
    ]


@pytest.mark.parametrize(
    ("path", "apart"),
    [
        ("tests/helper.py", True), ("src/test/java/a/B.java", True), ("shop/test/client.py", False),
        ("shop/test/test_client.py", True), ("test/client.py", True), ("web/cart.spec.ts", True), ("CartTest.kt", True),
        ("api/cart_pb2.py", True), ("api/cart.pb.go", True), ("vendor/lib/a.go", True), ("latest/contest.py", False),
        ("shop/inspect.py", False), ("shop/vendors/a.py", False),
    ],
)  # fmt: skip
def test_what_stands_apart_is_known_by_its_path(path: str, apart: bool) -> None:
    assert stands_apart(path) is apart


def test_many_files_are_read_by_several_processes(
    index: SourceIndex, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("deep_code_reasoning.source.parsing.PARALLEL_FROM", 1)
    monkeypatch.setattr("deep_code_reasoning.source.parsing.MAX_FILES", 2)
    monkeypatch.setattr("deep_code_reasoning.source.index.BATCHES_AT_ONCE", 2)
    folder = tmp_path / "shop"
    folder.mkdir()
    for number in range(9):
        (folder / f"f{number}.py").write_text(f"def price_{number}():\n    pass\n")
    seen: list[tuple[int, int]] = []
    done = index.add_folder("shop", Roots([folder]), lambda *at: seen.append(at))
    assert (done.files, done.new_files) == (9, 9)
    assert seen == [(4, 9), (8, 9), (9, 9)]
    assert len(found(index, done.tree, "price")) == 9


def test_two_processes_may_make_the_same_index_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "shop"
    folder.mkdir()
    for number in range(300):
        (folder / f"f{number}.py").write_text(f"def price_{number}():\n    return {number}\n")
    code = (
        "import sys\nfrom pathlib import Path\nfrom deep_code_reasoning.source import Roots\n"
        "from deep_code_reasoning.source.index import SourceIndex\n"
        "with SourceIndex(Path(sys.argv[1])) as index:\n"
        "    print(index.add_folder('shop', Roots([Path(sys.argv[2])])).files)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "index.db"), str(folder)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(*process.communicate(), process.returncode) for process in running] == [("300\n", "", 0)] * 3
    with SourceIndex(tmp_path / "index.db") as index:
        assert index.add_folder("shop", Roots([folder])).new_files == 0
        assert len(index.search(["price"], [1], 1_000)) == 300


def test_an_index_of_another_version_is_made_anew(tmp_path: Path, repository: Repository) -> None:
    repository.commit({"a.py": CART})
    with SourceIndex(tmp_path / "index.db") as index:
        index.add_revision("shop", repository.folder, "HEAD")
    with sqlite3.connect(tmp_path / "index.db") as db:
        db.execute("PRAGMA user_version = 1")
    db.close()
    with SourceIndex(tmp_path / "index.db") as index:
        assert index.files([1]) == []
        assert index.add_revision("shop", repository.folder, "HEAD").new_files == 1


def test_a_file_that_is_no_index_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "index.db").write_text("something else entirely, " * 100)
    with pytest.raises(UnreadableSourceError, match=r"index.db cannot be used") as caught:
        SourceIndex(tmp_path / "index.db")
    assert caught.value.hint == "delete it; it is made anew"


@pytest.mark.parametrize(
    ("path", "stem"),
    [("a/b/cart.py", "cart"), ("a/b/__init__.py", "b"), ("Dockerfile", "Dockerfile"), ("x.d.ts", "x.d")],
)
def test_a_stem_is_what_others_call_a_file(path: str, stem: str) -> None:
    assert path_stem(path) == stem
