"""Which tier is chosen, which are not trusted, and what is said when none is left."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from deep_code_reasoning.domain.experiment import Experiment, ExperimentLimits, ExperimentResult
from deep_code_reasoning.errors import SandboxError, SandboxUnavailableError, UsageError
from deep_code_reasoning.sandbox import Sandbox, canary
from deep_code_reasoning.sandbox.canary import fly
from deep_code_reasoning.sandbox.tiers.monty import Monty


@dataclass
class Leaky:
    """A tier that is sound but for one hole: code that `leaks` picks runs in a plain interpreter.

    Only the canary's own code ever gets there, which is harmless.
    """

    leaks: Callable[[str], bool] = lambda code: False
    name: str = "leaky"
    abilities: frozenset[str] = frozenset({"subset"})
    absent: str = ""
    ran: list[str] = field(default_factory=list)

    def missing(self) -> str:
        return self.absent

    def prepare(self) -> None:
        pass

    def run(self, experiment: Experiment) -> ExperimentResult:
        self.ran.append(experiment.code)
        if not self.leaks(experiment.code):
            return Monty().run(experiment)
        started = time.monotonic()
        limit_s = min(experiment.limits.seconds * 12, 10)
        try:
            done = subprocess.run(
                [sys.executable, "-c", experiment.code], capture_output=True, text=True, timeout=limit_s, check=False
            )
        except subprocess.TimeoutExpired:
            return ExperimentResult(self.name, "timed_out", "", "", time.monotonic() - started, "late")
        status = "failed" if done.returncode else "finished"
        return ExperimentResult(self.name, status, done.stdout, done.stderr, time.monotonic() - started)


@pytest.mark.parametrize(
    ("hole", "says"),
    [
        ("secret.txt", "reading files"),
        ("new.txt", "writing files"),
        ("socket", "connecting"),
        ("fork", "starting processes"),
        ("held", "its memory"),
    ],
)
def test_the_canary_finds_every_single_hole(hole: str, says: str) -> None:
    assert says in fly(Leaky(lambda code: hole in code))


def test_the_canary_finds_a_tier_that_does_not_watch_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canary, "SPIN_S", 0.1)
    monkeypatch.setattr(canary, "SPIN_AT_MOST_S", 1.0)  # the leaky tier takes twelve times what it is given
    assert "its time" in fly(Leaky(lambda code: "while True" in code))


def test_the_canary_lets_a_sound_tier_pass_and_none_that_does_not_work() -> None:
    assert fly(Leaky()) == ""

    class Dead(Leaky):
        def run(self, experiment: Experiment) -> ExperimentResult:
            return ExperimentResult("dead", "failed", "", "", 0.0, "cannot do anything")

    class Broken(Leaky):
        def run(self, experiment: Experiment) -> ExperimentResult:
            raise SandboxError("the kernel is too old")

    # One that refuses everything, also what is harmless, has not shown that it refuses for the right reason.
    assert fly(Dead()) == "does not work: cannot do anything"
    assert fly(Broken()) == "the kernel is too old"


def test_a_tier_that_leaks_is_never_given_an_experiment(tmp_path: Path) -> None:
    leaky = Leaky(lambda code: "socket" in code, abilities=frozenset({"subset", "python"}))
    sandbox = Sandbox(tmp_path, [leaky, Monty()])
    assert sandbox.run(Experiment("print('mine')")).tier == "monty"
    assert not any("mine" in code for code in leaky.ran)
    assert [(report.tier, report.ok) for report in sandbox.examine()] == [("leaky", False), ("monty", True)]
    assert sandbox.abilities() == Monty.abilities


def test_the_first_tier_that_offers_what_is_needed_is_chosen(tmp_path: Path) -> None:
    small, large = Leaky(name="small"), Leaky(name="large", abilities=frozenset({"subset", "python"}))
    sandbox = Sandbox(tmp_path, [small, large])
    sandbox.run(Experiment("print('anything')"))
    sandbox.run(Experiment("print('everything')", needs=frozenset({"python"})))
    assert "print('anything')" in small.ran
    assert "print('everything')" in large.ran
    assert "print('everything')" not in small.ran


def test_the_canary_flies_once_for_each_tier(tmp_path: Path) -> None:
    tier = Leaky()
    sandbox = Sandbox(tmp_path, [tier])
    assert tier.ran == []
    for _ in range(3):
        sandbox.run(Experiment("print(1)"))
    assert tier.ran.count("print(1)") == 3
    assert sum("while True" in code for code in tier.ran) == 1


def test_nothing_available_is_a_refusal_that_says_why_of_each(tmp_path: Path) -> None:
    absent, leaky = Leaky(name="absent", absent="not installed"), Leaky(lambda code: "fork" in code)
    sandbox = Sandbox(tmp_path, [absent, leaky])
    with pytest.raises(SandboxUnavailableError) as refusal:
        sandbox.run(Experiment("print('never')"))
    assert "absent: not installed" in refusal.value.message
    assert "leaky: does not keep code from starting processes" in refusal.value.message
    assert refusal.value.code == "sandbox_unavailable"
    assert "doctor" in refusal.value.hint
    assert not any("never" in code for code in absent.ran + leaky.ran)
    with pytest.raises(SandboxUnavailableError, match="monty: has no numpy"):
        Sandbox(tmp_path, [Monty()]).run(Experiment("import numpy", needs=frozenset({"numpy"})))


@pytest.mark.parametrize(
    "experiment",
    [
        Experiment("print(1)", needs=frozenset({"root"})),
        Experiment("print(1)", limits=ExperimentLimits(seconds=0)),
        Experiment("print(1)", limits=ExperimentLimits(seconds=float("inf"))),
        Experiment("print(1)", limits=ExperimentLimits(memory_bytes=0)),
        Experiment("print(1)", limits=ExperimentLimits(output_bytes=-1)),
    ],
)
def test_an_experiment_without_sensible_limits_or_needs_is_refused(tmp_path: Path, experiment: Experiment) -> None:
    tier = Leaky()
    with pytest.raises(UsageError):
        Sandbox(tmp_path, [tier]).run(experiment)
    assert tier.ran == []


def test_what_a_killed_process_left_is_swept_up_when_it_is_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    outside = tmp_path / "outside"
    outside.mkdir()
    for name in ("dcr-experiment-old", "dcr-experiment-new", "other-old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "experiment.py").write_text("print(1)")
    (tmp_path / "dcr-experiment-link").symlink_to(outside)
    for name in ("dcr-experiment-old", "other-old"):
        os.utime(tmp_path / name, (0, 0))
    os.utime(tmp_path / "dcr-experiment-link", (0, 0), follow_symlinks=False)
    Sandbox(tmp_path, [Leaky()]).examine()
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"dcr-experiment-new", "other-old", "outside", "dcr-experiment-link"}
