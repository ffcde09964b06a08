from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.domain.window import Window
from deep_code_reasoning.errors import CaseFormatError, CaseNotFoundError, EngineError
from deep_code_reasoning.store import CaseWriter, open_case
from deep_code_reasoning.store.engine import Database, encode
from deep_code_reasoning.store.schema import TABLES

NASTY = ["it's \\ n\n", "a\\nb", "\\N", "tab\there", "\x00z", "'; DROP TABLE logs; --", "ünï🎉", "{x:String}", "", "\r"]


def write(folder: Path, body: str, rows: int = 1) -> None:
    with CaseWriter(folder) as writer:
        writer.add_source(Source(1, "a.log", "/a.log", "text", "logs", bytes=10))
        writer.rows("logs", [{"time_ns": 5 + n, "body": body, "source_id": 1, "line": n + 1} for n in range(rows)])
        writer.commit(CaseInfo("one", title="A title"))


def bodies(folder: Path) -> set[str]:
    with open_case(folder) as store:
        return {row["body"] for row in store.query("SELECT DISTINCT body FROM logs")}


@pytest.mark.parametrize("text", NASTY)
def test_any_text_survives_as_a_parameter_and_as_a_cell(text: str, tmp_path: Path) -> None:
    write(tmp_path / "case", text)
    with open_case(tmp_path / "case") as store:
        found = store.query("SELECT body FROM logs WHERE body = {body:String}", body=text)
        assert found == [{"body": text}]
        assert store.query("SELECT {many:Array(String)} AS many", many=[text, "x"]) == [{"many": [text, "x"]}]


def test_numbers_survive_exactly() -> None:
    big = 2**63 - 1
    assert Database().query("SELECT {n:Int64} AS n, {f:Float64} AS f", n=big, f=0.1) == [{"n": big, "f": 0.1}]
    assert encode([1, 2]) == "[1,2]"


def test_every_table_exists_and_is_empty_where_there_is_no_evidence(tmp_path: Path) -> None:
    write(tmp_path / "case", "hello")
    with open_case(tmp_path / "case") as store:
        filled = {"logs", "log_shapes"}
        assert {name: store.count(name) for name in TABLES} == {name: int(name in filled) for name in TABLES}
        assert store.time_range("logs") == Window(5, 6)
        assert store.time_range("spans") is None


def test_the_sources_are_summed_up_at_commit(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case") as writer:
        writer.add_source(Source(1, "a.log", "/a.log", "text", "logs", bytes=10))
        writer.add_source(Source(2, "b.log", "/b.log", "text", "logs", bytes=20, note="odd"))
        writer.rows("logs", [{"time_ns": t, "source_id": 1} for t in (0, 7, 3)])
        writer.reject(2, 4, "torn line", "x" * 500)
        writer.note(2, "partial")
        manifest = writer.commit(CaseInfo("one"))
    assert manifest.sources == (
        Source(1, "a.log", "/a.log", "text", "logs", rows=3, bytes=10, from_ns=3, to_ns=7),
        Source(2, "b.log", "/b.log", "text", "logs", rejected=1, bytes=20, note="odd; partial"),
    )


def test_writing_and_reading_a_case_loads_neither_numpy_nor_pandas(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom deep_code_reasoning.domain.case import CaseInfo\n"
        "from deep_code_reasoning.store import CaseWriter, open_case\nfolder = pathlib.Path(sys.argv[1])\n"
        "with CaseWriter(folder) as writer:\n"
        "    writer.rows('spans', [{'trace_id': 't', 'attributes': {'a': 'b'}}])\n    writer.commit(CaseInfo('test'))\n"
        "with open_case(folder) as store:\n    print(store.count('spans'), {'numpy', 'pandas'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "case")], capture_output=True, text=True)
    assert done.stdout.strip() == "1 set()", done.stderr


@pytest.mark.parametrize("first", ["pass", "import chdb"])
def test_the_engine_is_loaded_alone_and_chdb_can_be_used_beside_it(first: str) -> None:
    code = (
        f"import sys; {first}\n"
        "from deep_code_reasoning.store.engine import Database\n"
        "before = set(sys.modules)\n"
        "Database('x').execute('CREATE TABLE t ENGINE = Memory AS SELECT 7 AS n')\n"
        "assert not {'chdb', 'pyarrow', 'numpy'} & (set(sys.modules) - before)\n"
        "import chdb; print(chdb.query('SELECT n FROM x.t'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "7"


def test_a_writer_that_fails_leaves_the_old_case(tmp_path: Path) -> None:
    write(tmp_path / "case", "old")
    with pytest.raises(RuntimeError, match="torn"), CaseWriter(tmp_path / "case") as writer:
        writer.rows("logs", [{"body": "new"}])
        raise RuntimeError("torn")
    assert bodies(tmp_path / "case") == {"old"}


def test_a_first_writer_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="torn"), CaseWriter(tmp_path / "case") as writer:
        writer.rows("logs", [{"body": "new"}])
        raise RuntimeError("torn")
    assert not (tmp_path / "case").exists()


def _write_and_be_killed(folder: Path) -> None:
    with CaseWriter(folder) as writer:
        writer.rows("logs", [{"body": "new"}] * 60_000)
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_writer_leaves_the_old_case_and_the_next_one_tidies_up(tmp_path: Path) -> None:
    folder = tmp_path / "case"
    write(folder, "old")
    process = multiprocessing.get_context("spawn").Process(target=_write_and_be_killed, args=(folder,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    assert len(list((folder / "tables").iterdir())) == 2
    assert bodies(folder) == {"old"}
    write(folder, "newer")
    assert len(list((folder / "tables").iterdir())) == 1
    assert bodies(folder) == {"newer"}


def test_threads_query_one_case_at_once(tmp_path: Path) -> None:
    write(tmp_path / "case", "x", rows=1000)
    with open_case(tmp_path / "case") as store, ThreadPoolExecutor(4) as pool:
        counts = list(
            pool.map(lambda n: store.query(f"SELECT count() AS n FROM logs WHERE line > {n}")[0]["n"], range(20))
        )
    assert counts == [1000 - n for n in range(20)]


def test_what_several_threads_ask_is_found_once(tmp_path: Path) -> None:
    write(tmp_path / "case", "x")
    asked, all_here = [], threading.Barrier(4)
    with open_case(tmp_path / "case") as store, ThreadPoolExecutor(4) as pool:

        def find() -> int:
            asked.append(store.once("inner", lambda: "found"))
            return len(asked)

        def ask(_: int) -> int:
            all_here.wait(30)
            return store.once("outer", find)

        assert list(pool.map(ask, range(4))) == [1, 1, 1, 1]
    assert asked == ["found"]


def test_what_could_not_be_found_is_looked_for_again(tmp_path: Path) -> None:
    write(tmp_path / "case", "x")
    with open_case(tmp_path / "case") as store:
        with pytest.raises(EngineError):
            store.derive("bodies", "SELECT nothing FROM logs")
        store.derive("bodies", "SELECT body FROM logs")
        store.derive("bodies", "SELECT nothing FROM logs")
        assert store.query("SELECT body FROM bodies") == [{"body": "x"}]


def test_a_table_that_was_let_go_of_is_made_anew(tmp_path: Path) -> None:
    write(tmp_path / "case", "x")
    with open_case(tmp_path / "case") as store:
        store.derive("bodies", "SELECT body FROM logs")
        store.forget("bodies", "never made")
        store.derive("bodies", "SELECT line FROM logs")
        assert store.query("SELECT * FROM bodies") == [{"line": 1}]


def test_two_cases_are_open_at_once(tmp_path: Path) -> None:
    write(tmp_path / "a", "a")
    write(tmp_path / "b", "b")
    with open_case(tmp_path / "a") as a, open_case(tmp_path / "b") as b:
        assert a.query("SELECT body FROM logs") == [{"body": "a"}]
        assert b.query("SELECT body FROM logs") == [{"body": "b"}]


def test_a_large_table_is_streamed_from_disk_with_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "case", "x", rows=10)
    monkeypatch.setattr("deep_code_reasoning.store.case.IN_MEMORY_BYTES", 0)
    for for_analysis in (False, True):
        with open_case(tmp_path / "case", for_analysis) as store:
            assert store.query("SELECT count() AS n, max(line) AS last FROM logs") == [{"n": 10, "last": 10}]
            assert store.in_memory == for_analysis


def test_a_derived_table_is_the_same_whoever_says_what_its_columns_are(tmp_path: Path) -> None:
    write(tmp_path / "case", "x", rows=10)
    with open_case(tmp_path / "case") as store:
        select = "SELECT line, body FROM logs WHERE line > {least:UInt32}"
        store.derive("told", select, "line UInt64, body String", least=8)
        store.derive("found", select, least=8)
        tables = [store.query(f"SELECT * FROM {table} ORDER BY line") for table in ("told", "found")]
    assert tables == [[{"line": 9, "body": "x"}, {"line": 10, "body": "x"}]] * 2


def test_what_is_no_case_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(CaseNotFoundError, match="is no case"), open_case(tmp_path):
        pass


WHOLE = '{"format": 2, "case": {"id": "x"}, "sources": [], "generation": "", "files": %s, "spellings": %s}'


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", '{"format": 99}', '{"format": 2}', '{"format": 2, "case": {}}'),
        *(WHOLE % ("[]", "{}"), WHOLE % ("{}", "[1]"), WHOLE % ("{}", '["odd"]')),
    ],
)
def test_a_damaged_manifest_is_an_error_of_ours(tmp_path: Path, content: str) -> None:
    (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(CaseFormatError, match=r"manifest\.json"), open_case(tmp_path):
        pass


def test_the_manifest_can_be_read_by_anyone(tmp_path: Path) -> None:
    write(tmp_path / "case", "x")
    manifest = json.loads((tmp_path / "case" / "manifest.json").read_text())
    assert manifest["case"]["title"] == "A title"
    assert [(tmp_path / "case" / path).is_file() for path in manifest["files"]["logs"]] == [True]


def test_an_engine_refusal_is_typed_and_says_why(tmp_path: Path) -> None:
    write(tmp_path / "case", "x")
    with open_case(tmp_path / "case") as store, pytest.raises(EngineError, match="no_such_column"):
        store.query("SELECT no_such_column FROM logs")


def test_a_column_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="nonsense"), CaseWriter(tmp_path / "case") as writer:
        writer.rows("logs", [{"nonsense": 1}])
        writer.commit(CaseInfo("one"))


def test_what_an_attribute_says_does_not_hang_on_whether_its_name_is_known(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case") as writer:
        attributes = {"told": "yes", "it's": "odd"}
        writer.rows("spans", [{"trace_id": "1", "attributes": attributes}])
        writer.rows("logs", [{"body": "b", "attributes": {"elsewhere": "x"}}])
        writer.commit(CaseInfo("one"))
    said = "attributes['told'] AS a, s.attributes['untold'] AS b, attributes['elsewhere'] AS c"
    for for_analysis in (False, True):
        with open_case(tmp_path / "case", for_analysis) as store:
            assert store.query(f"SELECT {said} FROM spans AS s") == [{"a": "yes", "b": "", "c": ""}]
            assert store.query("SELECT 1 AS n FROM spans WHERE attributes['untold'] = ''") == [{"n": 1}]
            assert store.attribute_names("spans") == {"told", "it's"}
            assert store.attribute_names("logs") == {"elsewhere"}
            assert store.attribute_names("metrics") == frozenset()
            assert store.attribute_names() == {"told", "it's", "elsewhere"}


def test_names_too_many_to_be_listed_are_all_looked_up(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case") as writer:
        rows = ({"trace_id": "1", "attributes": {f"user.{n}.on": "yes"}} for n in range(10_001))
        writer.rows("spans", [*rows, {"trace_id": "2", "attributes": {"told": "yes"}}])
        writer.rows("logs", [{"body": "b", "attributes": {"elsewhere": "x"}}])
        writer.commit(CaseInfo("one"))
    with open_case(tmp_path / "case", for_analysis=True) as store:
        assert store.query("SELECT trace_id FROM spans WHERE attributes['told'] != ''") == [{"trace_id": "2"}]
        assert store.attribute_names("spans") is store.attribute_names() is None
        assert store.may_say("spans", ["told"])
        assert store.attribute_names("logs") == {"elsewhere"}
        assert not store.may_say("logs", ["told"])


def test_an_analysis_does_not_look_up_what_no_row_has(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case") as writer:
        writer.rows("spans", [{"trace_id": "1", "attributes": {"told": "yes"}}])
        writer.commit(CaseInfo("one"))
    with open_case(tmp_path / "case", for_analysis=True) as store:
        for name, looked_up in (("told", True), ("untold", False)):
            tree = store.query(f"EXPLAIN QUERY TREE SELECT count() FROM spans WHERE attributes['{name}'] != ''")
            assert any("attributes" in row["explain"] for row in tree) == looked_up
