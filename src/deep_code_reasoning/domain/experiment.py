"""Experiments: code that is run, in a sandbox, to test a hypothesis."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

# What code may need of the place where it runs.
ABILITIES: Final[Mapping[str, str]] = {
    "subset": "functions, classes, the everyday types and modules of Python; no generators, no threads",
    "python": "the whole language and its standard library; modules among the files can be imported",
    "asyncio": "an event loop",
    "threads": "threads that run at the same time",
    "numpy": "numpy and pandas",
}
# `finished`: ended by itself, without an error. `failed`: ended with an error of its own. `timed_out`, `out_of_memory`,
# `too_much_output`: a limit stopped it. `unsupported`: the place where it ran cannot run such code, which says nothing
# about the hypothesis. `killed`: stopped by the system, for something that it may not do or a crash.
ExperimentStatus: TypeAlias = Literal[
    "finished",
    "failed",
    "timed_out",
    "out_of_memory",
    "too_much_output",
    "unsupported",
    "killed",
]


@dataclass(frozen=True, slots=True)
class ExperimentLimits:
    """What an experiment may take: wall time, memory, bytes on each of its two outputs."""

    seconds: float = 10.0
    memory_bytes: int = 256 * 2**20
    output_bytes: int = 64 * 2**10


@dataclass(frozen=True, slots=True)
class Experiment:
    """Code in Python, the files that it may read (by relative path), what it needs, and what it may take.

    Its working folder holds the files; nothing can be written. What it has to say it prints.
    """

    code: str
    files: Mapping[str, bytes] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    limits: ExperimentLimits = field(default_factory=ExperimentLimits)


@dataclass(frozen=True, slots=True)
class ExperimentResult:
    """What became of an experiment.

    `tier` is where it ran (`provider`: at the model's); `detail` says why it did not finish, else it is empty.
    `duration_s` None: nobody told.
    """

    tier: str
    status: ExperimentStatus
    stdout: str
    stderr: str
    duration_s: float | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TierReport:
    """Whether a tier can be used here: `ok` only when it ran code and refused every attempt to get out."""

    tier: str
    ok: bool
    detail: str
    abilities: frozenset[str]
