"""A case that was investigated, and a folder of code beside it, shared by the tests of this room."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.investigate import investigate_case
from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.packing.subject import Subject
from deep_code_reasoning.source import Roots
from deep_code_reasoning.store import CaseWriter, open_case
from scenery import START_NS, Row, System, Trouble

TROUBLE = Trouble(stock_error="cannot reserve item", stock_fails="reservation failed")
CULPRIT = "c0ffee" * 6 + "c0ff"
DIFF = (
    "--- a/stock/reserve.py\n+++ b/stock/reserve.py\n@@ -1,3 +1,3 @@\n def reserve(item):\n-    lock(item)\n+    pass\n"
)


def changes() -> list[Row]:
    """A deploy of stock half a minute before the onset, with its commit, and an older commit without a diff."""
    commit = {"kind": "commit", "repo": "shop", "source_id": 1}
    return [
        {**commit, "id": CULPRIT, "commit_sha": CULPRIT, "time_ns": START_NS + 20 * NS_PER_S, "line": 1,
         "message": "Reserve without a lock", "files": ["stock/reserve.py"], "diff": DIFF},
        {**commit, "id": "0" * 40, "commit_sha": "0" * 40, "time_ns": START_NS, "line": 2, "message": "Words",
         "files": ["README.md"]},
        {"kind": "deploy", "id": "stock@v2", "service": "stock", "commit_sha": CULPRIT, "version": "v2",
         "time_ns": START_NS + 30 * NS_PER_S, "source_id": 1, "line": 3},
    ]  # fmt: skip


def metrics() -> list[Row]:
    """The load of stock and of front: the first jumps at the onset."""
    return [
        {"time_ns": START_NS + second * NS_PER_S, "service": service, "name": "cpu", "kind": "gauge", "unit": "%",
         "value": 90.0 if service == "stock" and second >= 60 else 20.0 + second % 3, "source_id": 1,
         "line": second + 1}
        for service in ("stock", "front")
        for second in range(0, 120, 5)
    ]  # fmt: skip


@dataclass(frozen=True)
class Packable:
    """A case's folder, what was found in it, and the folder of code."""

    folder: Path
    investigation: Investigation
    code: Path

    @contextmanager
    def subject(self, **asked: Any) -> Iterator[Subject]:
        """A subject over the open case; `code=True` lets the code be read."""
        roots = Roots((self.code,) if asked.pop("code", False) else ())
        with open_case(self.folder) as store:
            yield Subject(store, self.investigation, roots, **asked)


def build(folder: Path, tables: Mapping[str, list[Row]]) -> Packable:
    """Write a case, investigate it, and put some code beside it."""
    with CaseWriter(folder / "case") as writer:
        writer.add_source(Source(1, "test", str(folder / "test"), "test", "mixed"))
        for table, rows in tables.items():
            writer.rows(table, rows)
        writer.commit(CaseInfo("test"))
    code = folder / "shop"
    (code / "stock").mkdir(parents=True)
    (code / "stock" / "reserve.py").write_text("def reserve(item):\n" + "    step()\n" * 300 + "    done()\n")
    (code / "stock" / "other.py").write_text("OTHER = 1\n")
    (code / ".env").write_text("PASSWORD=hunter2\n")
    return Packable(folder / "case", investigate_case(folder / "case", CaseInfo("")), code)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Packable:
    """The system with a deploy after which stock fails."""
    tables = System(TROUBLE).tables(changes=changes(), metrics=metrics())
    return build(tmp_path_factory.mktemp("shop"), tables)


@pytest.fixture
def packable(tmp_path: Path) -> Callable[[Mapping[str, list[Row]]], Packable]:
    """Builds a case of other tables."""
    return lambda tables: build(tmp_path / "built", tables)
