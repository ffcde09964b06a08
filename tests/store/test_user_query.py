from __future__ import annotations

from pathlib import Path

import pytest

from deep_code_reasoning.domain.case import CaseInfo
from deep_code_reasoning.errors import EngineError, QueryError
from deep_code_reasoning.store import CaseWriter, open_case
from deep_code_reasoning.store.user_query import checked, run_bounded

REFUSED = [
    "DROP TABLE logs",
    "INSERT INTO logs VALUES (1)",
    "SELECT 1; SELECT 2",
    "SELECT * FROM file('/etc/passwd', LineAsString)",
    "SELECT * FROM url('http://127.0.0.1/', CSV)",
    "SELECT * FROM s3('x')",
    "SELECT * FROM remote('127.0.0.1', system.one)",
    "SELECT * FROM executable('id', CSV, 'x String')",
    "SELECT * FROM system.tables",
    "SELECT * FROM `system`.`tables`",
    "SELECT * FROM logs WHERE body IN (SELECT line FROM file('/etc/passwd', LineAsString))",
    "SELECT * FROM logs WHERE 1 = (SELECT count() FROM numbers(1000000000000))",
    "WITH x AS (SELECT * FROM file('/etc/passwd')) SELECT * FROM x",
    "SELECT file('/etc/passwd')",
    "SELECT hostName()",
    "SELECT dictGet('a', 'b', 1)",
    "SELECT sleep(3)",
    "SELECT getSetting('max_threads')",
    "SELECT * FROM logs INTO OUTFILE '/tmp/x'",
    "SELECT * FROM logs SETTINGS max_memory_usage = 0",
    "SELECT * FROM logs FORMAT CSV",
    "SELECT * FROM nothing",
    "EXPLAIN SELECT 1",
    "SET max_threads = 1",
    "SELECT (",
    "",
]

ALLOWED = [
    "SELECT count() AS n FROM logs",
    "SELECT body, length(body) AS n FROM logs WHERE body LIKE '%a%' ORDER BY body",
    "WITH hot AS (SELECT body FROM logs) SELECT count() FROM hot",
    "SELECT arrayMap(x -> x + 1, [1, 2]) AS a, attributes['k'] AS k FROM logs",
    "SELECT quantile(0.9)(line) AS p FROM logs GROUP BY service HAVING count() > 0",
    "SELECT l.body FROM logs AS l JOIN spans AS s ON l.trace_id = s.trace_id",
    "SELECT toStartOfMinute(fromUnixTimestamp64Nano(time_ns)) AS m, countIf(severity = 'error') FROM logs GROUP BY m",
    "SELECT body FROM logs UNION ALL SELECT name FROM spans",
]


@pytest.mark.parametrize("sql", REFUSED)
def test_what_reaches_out_of_the_case_is_refused(sql: str) -> None:
    with pytest.raises(QueryError):
        checked(sql)


@pytest.mark.parametrize("sql", ALLOWED)
def test_plain_questions_run(sql: str, tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case") as writer:
        writer.rows("logs", [{"body": "a", "attributes": {"k": "v"}, "time_ns": 1}])
        writer.commit(CaseInfo("one"))
    with open_case(tmp_path / "case") as store:
        assert run_bounded(store, checked(sql), 10) is not None


def test_an_answer_that_is_too_large_is_refused_and_not_cut(tmp_path: Path) -> None:
    with CaseWriter(tmp_path / "case") as writer:
        writer.rows("logs", [{"body": "a" * 100_000}] * 60)
        writer.commit(CaseInfo("one"))
    with open_case(tmp_path / "case") as store, pytest.raises(EngineError, match=r"(?i)limit"):
        run_bounded(store, checked("SELECT body FROM logs"), 100)
