"""Diffs in the forms in which people and tools write them."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_code_reasoning.detectors.changes.diff import numbered_lines, parse_diff, strip_comment
from deep_code_reasoning.detectors.changes.effects import effects_of
from deep_code_reasoning.detectors.changes.paths import file_kind
from deep_code_reasoning.detectors.changes.potency import corrects_spelling, potency

GIT = """diff --git a/api/pool.go b/api/pool.go
index 1f2e3d4..5a6b7c8 100644
--- a/api/pool.go
+++ b/api/pool.go
@@ -3,4 +3,4 @@ func New() *Pool {
 \treturn &Pool{
-\t\tMax: 50,
+\t\tMax: 10,
 \t}
\\ No newline at end of file
"""


def changed(diff: str, *files: str) -> list[tuple[str, list[str], list[str]]]:
    patch = parse_diff(diff, files)
    return [(h.path, [x.code for x in h.removed], [x.code for x in h.added]) for h in patch.hunks]


@pytest.mark.parametrize(
    "diff",
    [
        GIT,
        "--- a/api/pool.go\n+++ b/api/pool.go\n@@\n-\t\tMax: 50,\n+\t\tMax: 10,",
        "@@ api/pool.go @@ func New() *Pool {\n-\t\tMax: 50,\n+\t\tMax: 10,",
        "@@ api/pool.go: func New() *Pool {\n-\t\tMax: 50,\n+\t\tMax: 10,",
        "@@ func New() *Pool {\n-\t\tMax: 50,\n+\t\tMax: 10,",
        "@@ -3 +3 @@\n-\t\tMax: 50,\n+\t\tMax: 10,",
    ],
)
def test_every_way_to_write_a_hunk_is_read(diff: str) -> None:
    assert changed(diff, "api/pool.go") == [("api/pool.go", ["Max: 50,"], ["Max: 10,"])]


def test_hunks_of_several_files_keep_their_paths() -> None:
    diff = "@@ a/x.go @@\n-one()\n@@ b/y.go: new helper\n+two()"
    assert changed(diff, "a/x.go", "b/y.go") == [("a/x.go", ["one()"], []), ("b/y.go", [], ["two()"])]


def test_an_sql_comment_that_is_removed_is_no_file_header() -> None:
    assert changed("@@ -1,2 +1,1 @@\n--- old remark\n-DROP TABLE x;", "m.sql") == [("m.sql", ["DROP TABLE x;"], [])]


def test_lines_that_only_moved_or_changed_their_layout_are_no_change() -> None:
    diff = "@@ -1,4 +1,4 @@\n-  first: 1\n-  second:   2\n+  second: 2\n+  # grouped\n+  first: 1,"
    assert changed(diff, "a.yaml") == [("a.yaml", [], [])]


def test_a_message_in_other_words_is_no_change() -> None:
    diff = '@@ -1 +1 @@\n-    raise Missing("no such order here")\n+    raise Missing(f"order {key} was not found")'
    assert changed(diff, "a.py") == [("a.py", [], [])]


def test_a_query_in_other_words_is_a_change() -> None:
    diff = '@@ -1 +1 @@\n-    fail(db, "select a from t where b")\n+    fail(db, "select a from t where c")'
    assert changed(diff, "a.py")[0][1:] != ([], [])


@pytest.mark.parametrize(
    ("text", "path", "code"),
    [
        ("x = 1  # why", "a.py", "x = 1"),
        ('url := "https://host/x" // why', "a.go", 'url := "https://host/x"'),
        ("// only words", "a.ts", ""),
        ("color: '#fff'", "a.py", "color: '#fff'"),
        ("SELECT 1 -- one", "a.sql", "SELECT 1"),
        ("i--;", "a.c", "i--;"),
        ("  * in a block", "a.java", ""),
    ],
)
def test_comments_are_told_from_code(text: str, path: str, code: str) -> None:
    assert strip_comment(text, path) == code


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("pkg/db/pool.go", "code"), ("pkg/db/pool_test.go", "test"), ("src/test/java/AppTest.java", "test"),
        ("web/src/theme.ts", "style"), ("docs/setup.md", "docs"), (".github/workflows/x.yml", "ci"),
        ("deploy/values.yaml", "config"), ("go.mod", "manifest"), ("go.sum", "lock"), ("Dockerfile", "image"),
        ("db/migrations/0001_init.py", "sql"), ("api/v1/a.proto", "schema"), ("web/Card.tsx", "view"),
        ("contest/latest.go", "code"),
    ],
)  # fmt: skip
def test_a_path_tells_what_a_file_is(path: str, kind: str) -> None:
    assert file_kind(path) == kind


@given(st.text(max_size=400), st.lists(st.text(max_size=20), max_size=3))
def test_no_text_breaks_the_reader_of_diffs_or_the_search_for_effects(text: str, files: list[str]) -> None:
    effects_of(parse_diff("@@ x.go @@\n" + text, files))
    effects_of(parse_diff(text, files))


@given(
    st.lists(
        st.sampled_from(["+", "-", " "]).flatmap(
            lambda s: st.text("if(x){}[]=:+*\"'/#.,<> retypolmaxn012\t", max_size=60).map(lambda t: s + t)
        ),
        max_size=30,
    )
)
def test_a_patch_against_itself_reversed_has_no_changed_lines_in_common(lines: list[str]) -> None:
    patch = parse_diff("@@ -1 +1 @@\n" + "\n".join(lines), ["a.py"])
    for hunk in patch.hunks:
        assert not {line.code for line in hunk.removed} & {line.code for line in hunk.added}
    effects_of(patch)


def test_of_a_line_that_no_person_wrote_the_beginning_is_read_and_all_of_it_compared() -> None:
    minified = 'a({b:"' * 40_000
    patch = parse_diff(f"@@ -1 +1 @@\n-x{minified}1\n+x{minified}2\n-y{minified}\n+y{minified}", ["app.min.js"])
    (hunk,) = patch.hunks
    assert [line.sign for line in (*hunk.removed, *hunk.added)] == ["-", "+"]
    assert all(len(line.code) <= 2000 for line in hunk.lines)


@pytest.mark.parametrize(
    ("message", "old", "new", "idle"),
    [
        ("fix a typo", "done=Recieved, thank you", "done=Received, thank you", True),
        ("spelling", "<p>Adress of delivery</p>", "<p>Address of delivery</p>", True),
        ("tidy", "done=Recieved, thank you", "done=Received, thank you", False),
        ("fix a typo", "recieved=yes", "received=yes", False),
        ("fix a typo", "mode=shared", "mode=exclusive", False),
        ("fix a typo", "wait=30", "wait=3", False),
    ],
    ids=["a text", "a page", "no word of it", "a key", "another word", "a number"],
)
def test_letters_of_a_word_are_corrected_where_it_is_said_so(message: str, old: str, new: str, idle: bool) -> None:
    patch = parse_diff(f"@@ -1 +1 @@\n-{old}\n+{new}", ["shop.properties"])
    assert corrects_spelling(message, patch) == idle


def _seconds(diff: str, path: str) -> float:
    patch = parse_diff(diff, [path])
    began = time.process_time()
    potency(patch, effects_of(patch))
    return time.process_time() - began


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ("@@ -1 +1 @@\n-    a{n} = cache.get('k{n}')\n+    a{n} = cache.get('k' + {n})\n", "a.py"),
        ("+def g{n}():\n+    return h{n}()\n", "a.py"),
        ("+    lock{n}.acquire()\n", "a.py"),
        ("+LIMIT_{n}: int = {n}\n@@ -1 +1 @@\n-    x = f({n})\n+    x = f(LIMIT_{n})\n", "a.py"),
        ("@@ -1 +1 @@\n-\tdefer rows{n}.Close()\n+\treturn nil\n+\trows{n}.Close()\n", "a.go"),
    ],
)
def test_four_times_as_long_a_diff_takes_about_four_times_as_long(body: str, path: str) -> None:
    few, many = ("@@ -1 +1 @@\n" + "".join(body.format(n=n) for n in range(count)) for count in (100, 400))
    assert _seconds(many, path) < 10 * max(_seconds(few, path), 0.02)


@pytest.mark.parametrize(
    "code",
    ["x = 1 << 5000", "x = " + "9" * 1500, "r = re.compile('([[a]|a&&b)+')", "'0-" + "9" * 300 + " * * * *'"],
)
def test_numbers_and_patterns_of_any_size_are_read(code: str) -> None:
    effects_of(parse_diff(f"@@ -1 +1 @@\n-x = 1\n+{code}\n-'1 * * * *'", ["a.py"]))


def test_a_hunk_may_say_that_it_begins_anywhere() -> None:
    assert numbered_lines("@@ -1 +" + "9" * 5000 + " @@\n+x")[0][2] == "x"
