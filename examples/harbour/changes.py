"""The deploy tool's and the repositories' history: what harmed, and the many changes that did not."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .everyday import roll_out
from .fleet import Service
from .scene import Change
from .world import World

AUTHORS = ("m.okonkwo", "j.lindqvist", "s.varga", "t.ishii", "a.benali")
# Harmless commits: message, file, diff.
HARMLESS = (
    ("Bump logging library to 2.4.1", "deps.lock", "-logging==2.4.0\n+logging==2.4.1"),
    ("Fix typo in README", "README.md", "-recieve\n+receive"),
    ("Add unit tests for date parsing", "tests/test_dates", "+    assert parse('2026-02-29') is None"),
    ("Rename variable for clarity", "src/format", "-    tmp = label(row)\n+    title = label(row)"),
    ("Log the request id at debug level", "src/middleware", "+    log.debug('request %s', request_id)"),
    ("Update copyright year", "LICENSE", "-2025\n+2026"),
    ("Extract constant for page size", "src/paging", "-    return rows[:50]\n+    return rows[:PAGE_SIZE]"),
    ("Add dashboard panel for latency", "ops/dashboard.json", '+  {"title": "p99"}'),
)


class History:
    """Collects changes and writes them."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, random.Random(f"changes {seed}")
        self.deploys: list[tuple[float, dict[str, Any]]] = []
        self.commits: list[tuple[float, dict[str, Any]]] = []
        self.flags: list[tuple[float, dict[str, Any]]] = []

    def decoys(self, onset_s: float) -> None:
        """Deploys of the last hours that harm nobody; one or two come right before the onset."""
        for _ in range(self.dice.randint(6, 10)):
            self.harmless(self.dice.choice(self.world.services), -self.dice.uniform(600, 8500))
        for service in self.dice.sample(self.world.services, 2):
            time = onset_s - self.dice.uniform(100, 420)
            version = self.harmless(service, time)
            if self.dice.random() < 0.6:
                self.world.engine.at(time, lambda s=service, v=version: roll_out(self.world, s, v, self.dice))  # type: ignore[misc]
        self.flags.append(
            (
                onset_s - self.dice.uniform(300, 5000),
                {
                    "flag": "banner_colour",
                    "service": self.dice.choice(self.world.services).name,
                    "change": "blue->green",
                    "actor": "j.lindqvist",
                },
            )
        )

    def harmless(self, service: Service, time: float) -> str:
        """A deploy of no consequence; its version."""
        message, path, diff = self.dice.choice(HARMLESS)
        return self._deploy(service.name, service.repo, time, message, (path,), f"@@ {path} @@\n{diff}")

    def _deploy(self, service: str, repo: str, time: float, message: str, files: tuple[str, ...], diff: str) -> str:
        sha = f"{self.dice.getrandbits(160):040x}"
        version = f"{self.dice.randint(1, 9)}.{self.dice.randint(41, 99)}.{self.dice.randint(0, 9)}"
        self.commits.append(
            (
                time - self.dice.uniform(300, 1500),
                {
                    "sha": sha,
                    "repo": repo,
                    "author": self.dice.choice(AUTHORS),
                    "message": message,
                    "files_changed": list(files),
                    "diff": diff,
                },
            )
        )
        self.deploys.append((time, {"service": service, "commit_sha": sha, "version": version, "repo": repo}))
        return version

    def culprit(self, change: Change, onset_s: float) -> str:
        """The change that did it; its id (a commit's hash or a flag's name)."""
        if change.kind == "flag":
            self.flags.append(
                (
                    onset_s - 5,
                    {
                        "flag": change.message,
                        "service": change.service,
                        "change": change.diff,
                        "actor": self.dice.choice(AUTHORS),
                    },
                )
            )
            return change.message
        version = self._deploy(
            change.service, change.repo, onset_s - change.before_s, change.message, change.files, change.diff
        )
        service = next(s for s in self.world.services if s.name == change.service)

        def label() -> None:
            for pod in service.pods:
                pod.version = version

        self.world.engine.at(onset_s, label)
        return str(self.commits[-1][1]["sha"])

    def write(self, folder: Path, epoch_s: int) -> None:
        """Deploys, commits and flags, in order of time."""
        for name, rows in (("deploys", self.deploys), ("commits", self.commits), ("flags", self.flags)):
            rows.sort(key=lambda row: row[0])
            out = [{"timestamp": stamp(epoch_s + time), **row} for time, row in rows]
            (folder / f"{name}.json").write_text(json.dumps(out, indent=1))


def stamp(seconds: float) -> str:
    """A wall time as ISO 8601."""
    return datetime.fromtimestamp(round(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
