"""Which code no request runs: routes nobody asks for, functions that nothing names."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager

import pytest

from deep_code_reasoning.detectors.base import Scene
from deep_code_reasoning.detectors.changes.records import history
from deep_code_reasoning.detectors.changes.routes import uncalled
from deep_code_reasoning.detectors.timeline.windows import undated_windows
from deep_code_reasoning.domain.graph import ServiceGraph
from deep_code_reasoning.store import CaseStore
from scenery import CALM, Row, System, commit, deploy

BuildCase = Callable[[dict[str, list[Row]]], AbstractContextManager[CaseStore]]
EDIT = "@@ -1,3 +1,3 @@\n def {name}(rows):\n-    return rows.count()\n+    return len(list(rows))\n"
DECORATED = "@@ -0,0 +1,3 @@\n+@app.get('/reports/{name}')\n+def {name}(rows):\n+    return rows.count()\n"
PLAIN = "@@ -0,0 +1,2 @@\n+def {name}(rows):\n+    return rows.count()\n"
BESIDE = (
    "--- a/reports.js\n+++ b/reports.js\n@@ -1,3 +1,3 @@ app.get('/reports/all', async (req, res) => {\n"
    "   const rows = all();\n-  res.json(rows);\n+  res.json([...rows]);\n"
)
CALLS = "@@ -0,0 +1 @@\n+total = {name}(rows)\n"


def diff(*texts: str, name: str) -> str:
    return "--- a/stock.py\n+++ b/stock.py\n" + "".join(texts).replace("{name}", name)


def set_aside(changes: list[Row], served: str, build_case: BuildCase) -> Mapping[str, frozenset[str]]:
    """What of the changes no request runs, where all that is asked for is `served`."""
    spans = System(CALM, 60).spans
    for row in spans:
        if row["kind"] == "server":
            row["name"] = served
    with build_case({"spans": spans, "changes": changes}) as store:
        windows = undated_windows(store, None)
        assert windows is not None
        return uncalled(Scene(store, windows, ServiceGraph()), history(store).changes)


@pytest.mark.parametrize(
    ("first", "served", "aside"),
    [
        ((DECORATED,), "GET /reports/occupancy", False),
        ((DECORATED,), "GET /stock", True),
        ((PLAIN,), "GET /stock", True),
        ((PLAIN, CALLS), "GET /stock", False),
    ],
    ids=["asked for", "nobody asks", "nothing names it", "something calls it"],
)
def test_code_is_set_aside_where_it_is_known_that_no_request_runs_it(
    first: tuple[str, ...], served: str, aside: bool, build_case: BuildCase
) -> None:
    rows = [
        commit("aaaa", -500, diff(*first, name="occupancy"), files=["stock.py"]),
        commit("bbbb", -90, diff(EDIT, name="occupancy"), files=["stock.py"]),
        deploy("d1", "aaaa", -400),
        deploy("d2", "bbbb", 30),
    ]
    found = set_aside(rows, served, build_case)
    assert (found.get("bbbb" * 10) == frozenset({"stock.py"})) == aside


@pytest.mark.parametrize(("served", "aside"), [("GET /reports/all", False), ("GET /stock", True)])
def test_a_handler_that_stands_beside_its_route_is_set_aside_with_it(
    served: str, aside: bool, build_case: BuildCase
) -> None:
    rows = [
        commit("bbbb", -90, BESIDE, files=["reports.js"]),
        deploy("d2", "bbbb", 30),
    ]
    found = set_aside(rows, served, build_case)
    assert ("bbbb" * 10 in found) == aside
