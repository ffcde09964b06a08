"""A project with evidence, code in two repositories and things that must not be read; one agent's session for all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp_types import ListRootsResult

from agent.session import AgentSession
from agent.tasks import Tasks

EXAMPLES = Path(__file__).parents[2] / "examples"
SECRET = "ghp_16C7e42F292c6912E7710c838347Ae178B4a"


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as an agent's user has it open."""
    folder = tmp_path_factory.mktemp("project")
    write_evidence(folder / "evidence")
    write_code(folder)
    outside = tmp_path_factory.mktemp("outside")
    (outside / "private.log").write_text("2026-03-01T10:00:00Z ERROR the crown jewels\n")
    (folder / "way-out").symlink_to(outside)
    (folder / "evidence" / "link.log").symlink_to(outside / "private.log")
    (folder / ".env").write_text(f"TOKEN={SECRET}\n")
    return folder


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[AgentSession]:
    """A session with the newest protocol."""
    allowed = {"DCR_ROOTS": str(EXAMPLES / "ticket-booking")}
    with AgentSession(tmp_path_factory.mktemp("home"), project, environment=allowed) as session:
        yield session


@pytest.fixture(scope="session")
def legacy(tmp_path_factory: pytest.TempPathFactory, project: Path) -> Iterator[AgentSession]:
    """A session with an older revision: its client knows of tasks and roots, and will not say what its roots are."""

    async def roots(_: Any) -> ListRootsResult:
        raise ValueError("no")

    home = tmp_path_factory.mktemp("home")
    with AgentSession(home, project, "legacy", extensions=[Tasks()], list_roots_callback=roots) as session:
        yield session


@pytest.fixture(scope="session")
def case(agent: AgentSession) -> str:
    """A case of the project's evidence, investigated."""
    opened = agent.answer("open_case", paths=["evidence"], noticed_at=stamp(440), wait_seconds=45)
    assert agent.answer("investigate_case", case=opened["case"], wait_seconds=45)["verdict"] == "cause_found"
    return str(opened["case"])


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Evidence that takes seconds to read: log lines that Python has to parse."""
    folder = tmp_path_factory.mktemp("large")
    line = (
        '{"timestamp": "2026-03-01T10:00:%02dZ", "service": "stock", "msg": "request %d took %d ms", '
        '"x": {"y": [1, {"z": 2}]}}\n'
    )
    with (folder / "logs.ndjson").open("w") as file:
        for n in range(300_000):
            file.write(line % (n % 60, n, n % 977))
    return folder


@pytest.fixture(scope="session")
def booking(agent: AgentSession) -> str:
    """The case of the example: forty services, more than fits in a small pack."""
    evidence = EXAMPLES / "ticket-booking" / "evidence"
    return str(agent.answer("open_case", paths=[str(evidence)], wait_seconds=45)["case"])


def stamp(second: int) -> str:
    return f"2026-03-01T10:{second // 60:02d}:{second % 60:02d}Z"


def write_evidence(folder: Path) -> None:
    """Ten minutes of two services; from 10:06 on `stock` raises an error on every request and `shop` with it."""
    folder.mkdir()
    spans, logs = [], []
    for n in range(200):
        second, bad = n * 3, n >= 120
        trace, status = f"{n:032x}", "ERROR" if bad else "OK"
        common = {"trace_id": trace, "start": stamp(second), "status": status}
        spans.append(
            {**common, "span_id": "a", "parent_id": None, "service": "shop", "name": "POST /order", "duration_ms": 30}
        )
        error = {"error": "KeyError: 'sku'"} if bad else {}
        spans.append(
            {
                **common,
                "span_id": "b",
                "parent_id": "a",
                "service": "stock",
                "name": "Stock.reserve",
                "duration_ms": 20,
                **error,
            }
        )
        message = f"KeyError: 'sku' while reserving order {n}" if bad else f"reserved order {n}"
        logs.append(
            {
                "timestamp": stamp(second),
                "service": "stock",
                "severity_text": "ERROR" if bad else "INFO",
                "msg": message,
                "trace_id": trace,
            }
        )
    logs.append(
        {"timestamp": stamp(1), "service": "stock", "severity_text": "INFO", "msg": f"connecting with token={SECRET}"}
    )
    (folder / "traces.json").write_text(json.dumps(spans))
    (folder / "logs.ndjson").write_text("".join(json.dumps(record) + "\n" for record in logs))


def write_code(folder: Path) -> None:
    """Two services: `shop` calls what `stock` defines; and a file that nothing leads to."""
    (folder / "misc").mkdir()
    (folder / "misc" / "halves.py").write_text("def halve(whole):\n    return whole // 2\n")
    (folder / "stock").mkdir()
    (folder / "stock" / "stock.py").write_text(
        "class Stock:\n"
        "    def reserve(self, order):\n"
        "        for line in order.lines:\n"
        "            item = find_item(line)\n"
        "            self.store_item(item)\n"
        "        return order\n"
        "\n"
        "    def store_item(self, item):\n"
        "        return write_row(item)\n"
        "\n\n"
        "def find_item(line):\n"
        "    return query_rows('SELECT * FROM items WHERE sku = ?', line['sku'])\n"
        "\n\n"
        "def query_rows(statement, value):\n"
        "    return []\n"
    )
    (folder / "shop").mkdir()
    (folder / "shop" / "order.go").write_text(
        "package shop\n\nfunc Place(o Order) error {\n\tbody := encode(o)\n"
        '\treturn post("/stock/reserve", find_item(body))\n}\n'
    )
