"""The folders that a client of an older revision declares: its project, in place of where the server was started."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mcp_types import ListRootsResult, Root

from agent.session import AgentSession

from .conftest import write_code, write_evidence


def test_what_the_client_declares_is_its_project(tmp_path: Path, project: Path) -> None:
    ours, configured = tmp_path / "our project", tmp_path / "configured"
    for folder in (ours, configured):
        folder.mkdir()
        write_code(folder)
    write_evidence(ours / "evidence")
    (ours / "way-out").symlink_to("/etc")
    declared = [f"file://{tmp_path}/our%20project"]

    async def roots(_: Any) -> ListRootsResult:
        return ListRootsResult(roots=[Root.model_validate({"uri": uri}) for uri in declared])

    allowed = {"DCR_ROOTS": str(configured)}
    with AgentSession(tmp_path / "home", project, "legacy", allowed, list_roots_callback=roots) as session:
        # A relative path is meant from there.
        assert session.answer("open_case", paths=["evidence"], wait_seconds=45)["files"] == 2
        # What the user configured holds beside it; where the server happens to run does not.
        session.answer("search_code", path=str(configured / "stock" / "stock.py"))
        assert session.error("search_code", path=str(project / "stock" / "stock.py"))["code"] == "outside_roots"
        for way in ("way-out", "/etc", str(tmp_path)):
            assert session.error("open_case", paths=[way])["code"] == "outside_roots"
        # Too wide to be meant, or nothing of this machine: then it is as if nothing was declared.
        declared[:] = ["file:///", f"file://{Path.home()}", "file://elsewhere/etc", "file:///etc/passwd"]
        session.answer("search_code", path=str(project / "stock" / "stock.py"))
        assert session.error("search_code", path="/etc/passwd")["code"] == "outside_roots"


def test_a_client_that_will_not_say_gets_what_is_configured(legacy: AgentSession) -> None:
    assert legacy.answer("search_code", query="find_item")["matches_found"] > 0
