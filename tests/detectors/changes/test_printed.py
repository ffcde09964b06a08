"""What a service prints of its settings as it starts: a commit without a diff has changed what is printed otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from deep_code_reasoning.detectors.changes.records import history
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore

MINUTE = 60 * NS_PER_S
LIVE = 1_700_000_000 * NS_PER_S
BuildCase = Callable[[dict[str, list[dict[str, Any]]]], AbstractContextManager[CaseStore]]
BEFORE, AFTER = "listener settings: queue.depth=64 idle.seconds=30", "listener settings: queue.depth=4 idle.seconds=30"


def diff_of(build_case: BuildCase, *said: tuple[float, str], others: dict[str, str] | None = None) -> str:
    """The diff that a commit without one is given, by lines said so many minutes after its deploy."""
    logs = [
        {"time_ns": LIVE + int(minutes * MINUTE), "service": "mail", "severity": "info", "body": body}
        for minutes, body in said
    ]
    diffs = {"quiet": "", **(others or {})}
    changes = [
        {"kind": kind, "id": f"{kind}-{sha}" if kind == "deploy" else sha, "commit_sha": sha, "service": "mail",
         "message": "faster", "diff": diff, "files": ["mail/a.conf"], "repo": "mail",
         "time_ns": LIVE if kind == "deploy" else LIVE - MINUTE}
        for sha, diff in diffs.items()
        for kind in ("commit", "deploy")
    ]  # fmt: skip
    tables = {"logs": logs, "changes": changes}
    numbered = {
        name: [{"source_id": 1, "line": n, "item": 0, **row} for n, row in enumerate(rows, 1)]
        for name, rows in tables.items()
    }
    with build_case(numbered) as store:
        return next(change.diff for change in history(store).changes if change.sha == "quiet")


def test_a_commit_without_a_diff_has_what_is_printed_otherwise_since_its_deploy(build_case: BuildCase) -> None:
    diff = diff_of(build_case, (-90, BEFORE), (0.2, AFTER))
    assert diff.splitlines()[3:] == ["-queue.depth=64", "+queue.depth=4"]
    gone = diff_of(build_case, (-90, BEFORE), (0.2, "listener settings: queue.depth=64"))
    assert gone.splitlines()[3:] == ["-idle.seconds=30"]


def test_nothing_is_made_of_what_is_printed_as_before_or_never_or_much_later(build_case: BuildCase) -> None:
    assert diff_of(build_case, (-90, BEFORE), (0.2, BEFORE)) == ""
    assert diff_of(build_case, (0.2, AFTER)) == ""
    assert diff_of(build_case, (-90, BEFORE), (40, AFTER)) == ""


def test_what_is_said_of_each_request_is_no_setting(build_case: BuildCase) -> None:
    often = [(-90.0 + n, f"served user={n} bytes={n * 7}") for n in range(60)]
    assert diff_of(build_case, *often, (0.2, "served user=900 bytes=7")) == ""
    once = ((-90, "begins pid=811 version=1.4.2 host=a"), (0.2, "begins pid=9 version=1.5.0 host=b"))
    assert diff_of(build_case, *once) == ""


def test_what_another_commit_of_the_deploy_says_that_it_did_is_its_own(build_case: BuildCase) -> None:
    other = {"loud": "--- a/mail/a.conf\n+++ b/mail/a.conf\n@@ -1 +1 @@\n-queue.depth=64\n+queue.depth=4\n"}
    assert diff_of(build_case, (-90, BEFORE), (0.2, AFTER), others=other) == ""
    assert diff_of(build_case, (-90, BEFORE), (0.2, AFTER), others={"still": ""}) == ""
