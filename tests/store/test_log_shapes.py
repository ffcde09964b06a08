from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from deep_code_reasoning.store import CaseStore

Build = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]


def test_records_of_one_statement_have_one_template_whatever_their_ids(build_case: Build) -> None:
    bodies = [
        "reserved order 17 for 3f2a9c1e-1111-2222-3333-444455556666",
        "reserved order 9 for 00000000-aaaa-bbbb-cccc-ddddeeeeffff",
        "released deadbeef01",
        "released 12345678ab\n  at Stock.release(Stock.java:7)",
    ]
    with build_case({"logs": [{"body": body, "line": n} for n, body in enumerate(bodies)]}) as store:
        rows = store.query("SELECT line, template FROM logs JOIN log_shapes USING (shape) ORDER BY line")
    assert [row["template"] for row in rows] == ["reserved order <*> for <*>"] * 2 + ["released <*>"] * 2


def test_the_same_template_has_the_same_id_in_another_case(build_case: Build) -> None:
    ids = []
    for extra in ([], [{"body": "something else entirely"}]):
        with build_case({"logs": [{"body": "user 5 logged in"}, *extra]}) as store:
            found = store.query("SELECT template_id FROM log_shapes WHERE template = 'user <*> logged in'")
            ids.append([row["template_id"] for row in found])
    assert ids[0] == ids[1] != []
