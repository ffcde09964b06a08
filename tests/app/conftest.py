"""A case that all use cases are tried on, and specialists at the stub."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from databases import KINDS, empty_database
from deep_code_reasoning.app.investigate import investigate_case
from deep_code_reasoning.app.means import Means
from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.providers.fake import FakeModel, Script, fake_client
from deep_code_reasoning.store import CaseWriter
from scenery import START_NS, System, Trouble
from wire.cards import KEY, KEY_VARIABLE, write_catalogue
from wire.server import Stub

ERROR = "NullPointerException at StockService"
ONSET_NS = START_NS + 60 * NS_PER_S
# The commit before the onset, and one after it.
GUILTY, LATE = "a1b2c3d4e5f6", "f6e5d4c3b2a1"


@dataclass(frozen=True)
class Incident:
    """A case whose stock service fails from its second minute on, and what the analysers say of it."""

    folder: Path
    investigation: Investigation

    @property
    def failing_span(self) -> str:
        """The citation of a span of the stock service that failed."""
        return "span:00000050/s1"


@pytest.fixture(scope="session")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Incident:
    folder = tmp_path_factory.mktemp("incident") / "case"
    system = System(Trouble(stock_error=ERROR, stock_fails="stock is down"))
    commits = [_commit(GUILTY, ONSET_NS - 300 * NS_PER_S), _commit(LATE, ONSET_NS + 30 * NS_PER_S)]
    with CaseWriter(folder) as writer:
        writer.add_source(Source(1, "test.json", str(folder / "test.json"), "test", "mixed", bytes=1))
        for table, rows in system.tables(changes=commits).items():
            writer.rows(table, rows)
        writer.commit(CaseInfo("incident", title="stock fails"))
    return Incident(folder, investigate_case(folder, CaseInfo("")))


def _commit(sha: str, time_ns: int) -> dict[str, Any]:
    return {
        "kind": "commit",
        "id": sha,
        "time_ns": time_ns,
        "repo": "stock",
        "message": "Cache the shelf",
        "files": ["stock.py"],
        "diff": "--- a/stock.py\n+++ b/stock.py\n@@ -1 +1 @@\n-return shelf\n+return None\n",
        "source_id": 1,
        "line": 1,
    }


def cause(incident: Incident, **changes: Any) -> dict[str, Any]:
    """A cause as a good model gives it."""
    return {
        "statement": "stock raises an error that it did not raise before",
        "service": "stock",
        "mechanism": "exception",
        "proofs": [{"citation": incident.failing_span, "quote": "stock is down"}],
        "confidence": 0.9,
    } | changes


def answer(incident: Incident, *causes: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A whole answer; with one good cause when none is given."""
    return {"summary": "Stock fails.", "causes": list(causes) or [cause(incident)]} | fields


def scripted(*script: Script, **others: FakeModel) -> tuple[Means, FakeModel]:
    """Means whose model "deep" plays a script, and that model; `others` are further models by name."""
    deep = FakeModel(*script)

    def open_client(gate: Any) -> Any:
        return fake_client(gate=gate, deep=deep, **others)[0]

    return Means(open_client=open_client), deep


@pytest.fixture(params=KINDS)
def any_ledger(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The ledger is in each database that is at hand, for this process and those that it starts."""
    with empty_database(request.param, tmp_path) as url:
        monkeypatch.setenv("DCR_LEDGER_URL", url)
        yield


@pytest.fixture
def use_stub(stub: Stub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Stub]:
    """Make models at the stub those of the user's catalogue."""

    def use(wire: str = "openai-chat", *names: str, **fields: Any) -> Stub:
        monkeypatch.setenv("DCR_MODELS", str(write_catalogue(tmp_path / "models.json", stub, wire, *names, **fields)))
        monkeypatch.setenv(KEY_VARIABLE, KEY)
        return stub

    return use
