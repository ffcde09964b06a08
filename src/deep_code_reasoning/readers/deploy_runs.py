"""Lines that speak of one deploy joined to one: its start, what it says on the way, its end.

They belong together by the number of their run, else by the service and version that they name, else because the one
follows the other. A deploy is dated by its first line: from then on it may be felt. A run that failed or was called off
is kept with its outcome. Lines that are of no deploy stay what they are without this: rows of `logs`.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from ..domain.instant import NS_PER_S, format_instant
from ..domain.rollout import CANCELLED, FAILED
from .change_records import unique
from .deploy_lines import DeployLine
from .deploy_outcome import outcome_of
from .members import Members

Row = dict[str, Any]

# What is said later of the same service is said of its next deploy.
_TOGETHER_NS: Final = 3600 * NS_PER_S
# Runs that may still go on, more than any team has at a time.
_MAX_OPEN: Final = 200
_MAX_ROWS: Final = 50
_CALLED_OFF: Final = re.compile(r"(?i)\b(?:abort|cancel+|reject|skip)\w*")
_MESSAGE_CHARACTERS: Final = 300
_FACTS: Final = ("job", "service", "version", "commit", "repo", "author", "environment")


@dataclass(eq=False, slots=True)
class _Run:
    """What is known of one run so far, and the rows that said it."""

    rows: list[Row]
    facts: dict[str, str] = field(default_factory=dict)
    said: bool = False
    back: bool = False
    phase: str = ""
    end_ns: int = 0

    @property
    def is_over(self) -> bool:
        return self.phase in ("ended", "failed")

    @property
    def is_deploy(self) -> bool:
        return self.said and bool(self.facts["service"] or self.facts["commit"])

    @property
    def outcome(self) -> str:
        """What became of it, by all that its lines say; of a rollback '', which is live once it began."""
        if self.phase != "failed":
            return ""
        told = " ".join(row["body"][:_MESSAGE_CHARACTERS] for row in self.rows)
        state = CANCELLED if _CALLED_OFF.search(told) else FAILED
        return outcome_of({}, Members({"message": told}), state)

    def learn(self, line: DeployLine, row: Row) -> None:
        """Take what a line adds; what was said first stands."""
        self.facts = {name: self.facts.get(name) or getattr(line, name) for name in _FACTS}
        self.said = self.said or line.said
        self.back = self.back or line.back
        self.phase = line.phase or self.phase
        self.end_ns = row.get("time_ns", 0) or self.end_ns

    def agrees(self, line: DeployLine) -> bool:
        """Whether nothing that a line says speaks against its being of this run."""
        version, commit = self.facts["version"].lstrip("v"), self.facts["commit"]
        return (
            line.service in ("", self.facts["service"] or line.service)
            and (not version or line.version.lstrip("v") in ("", version))
            and (not commit or not line.commit or commit.startswith(line.commit) or line.commit.startswith(commit))
            and (self.back or not line.back or bool(self.facts["job"] and not self.is_over))
        )


class DeployRuns:
    """Joins the lines of one file, in their order."""

    def __init__(self) -> None:
        self._open: list[_Run] = []
        self._logs: list[Row] = []
        self._deploys: list[Row] = []
        self._taken: Counter[tuple[str, str]] = Counter()

    def add(self, line: DeployLine, row: Row) -> None:
        """Take what a line says, and the row of `logs` that it is when it is of no deploy."""
        run = self._run_of(line, row.get("time_ns", 0))
        if run is None and (line.said or (line.job and line.phase)):
            run = _Run([])
            self._open.append(run)
        if run is None:
            self._logs.append(row)
            return
        run.learn(line, row)
        if len(run.rows) < _MAX_ROWS:
            run.rows.append(row)
        else:
            self._logs.append(row)

    def take(self, end: bool = False) -> tuple[list[Row], list[Row]]:
        """Rows of `changes` and rows of `logs` that are done; with `end`, all that are left too."""
        while self._open and (end or len(self._open) > _MAX_OPEN):
            run = self._open.pop(0)
            if run.is_deploy:
                self._deploys.append(unique(_deploy_of(run), self._taken))
            else:
                self._logs += run.rows
        done, self._deploys, self._logs = (self._deploys, self._logs), [], []
        return done

    def _run_of(self, line: DeployLine, time_ns: int) -> _Run | None:
        near = [run for run in reversed(self._open) if 0 <= time_ns - run.end_ns <= _TOGETHER_NS]
        if line.job:
            own = next((run for run in near if run.facts["job"] == line.job), None)
            if own is not None and not (own.is_over and line.phase == "begun"):
                return own
        for position, run in enumerate(near):
            if not run.agrees(line) or (line.job and run.facts["job"]) or (run.is_over and line.phase == "begun"):
                continue
            if line.service and line.service == run.facts["service"]:
                # One that is over is spoken of once more only by its version.
                if not run.is_over or (line.version and run.facts["version"]):
                    return run
            elif position == 0 and not run.is_over and _follows(line, run):
                return run
        return None


def _follows(line: DeployLine, run: _Run) -> bool:
    """Whether a line that names no service, or the first one, goes on with what the line before it began."""
    told = line.service or line.version or line.commit or line.phase in ("ended", "failed")
    return bool(told) and not (line.service and run.facts["service"])


def _deploy_of(run: _Run) -> Row:
    first, facts = run.rows[0], run.facts
    time_ns = first.get("time_ns", 0)
    told = {
        "job": facts["job"],
        "environment": facts["environment"],
        "outcome": run.outcome,
        "rollback": "true" if run.back else "",
        "finished_at": format_instant(run.end_ns) if run.phase == "ended" and run.end_ns > time_ns else "",
    }
    return {
        "kind": "deploy",
        "id": f"{facts['service'] or facts['commit']}@{facts['version'] or format_instant(time_ns)}",
        "time_ns": time_ns,
        "repo": facts["repo"],
        "service": facts["service"],
        "commit_sha": facts["commit"],
        "version": facts["version"],
        "author": facts["author"],
        "message": first["body"][:_MESSAGE_CHARACTERS],
        "attributes": {name: text for name, text in told.items() if text},
        "source_id": first.get("source_id", 0),
        "line": first["line"],
        "item": first.get("item", 0),
    }
