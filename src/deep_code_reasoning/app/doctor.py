"""Examines the installation: what is needed works, what is optional is there or not."""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from ..domain.case import CaseInfo
from ..errors import DeepCodeReasoningError
from ..store import CaseWriter, open_case
from ..store.library import home
from .ledger import open_ledger
from .sandbox import open_sandbox
from .settings import load_settings
from .setup import CLIENTS, entry_in


@dataclass(frozen=True, slots=True)
class Examination:
    """One thing that was examined; `needed` says whether the program works without it."""

    name: str
    ok: bool
    detail: str
    needed: bool = True


def examine() -> list[Examination]:
    """Try the engine by writing and reading a small case, the home by writing a file, git by finding it.

    The ways to run experiments are tried by getting out of them; one that has to be compiled is compiled (minutes).
    """
    git = shutil.which("git")
    return [
        Examination("python", sys.version_info >= (3, 11), sys.version.split()[0]),
        _engine(),
        _home(),
        _ledger(),
        Examination("git", git is not None, git or "not found: --repo will not work", needed=False),
        _configuration(),
        *map(examine_client, CLIENTS),
        *_sandboxes(),
    ]


def _engine() -> Examination:
    try:
        with tempfile.TemporaryDirectory() as folder:
            with CaseWriter(Path(folder, "case")) as writer:
                writer.rows("logs", [{"time_ns": 1, "body": "hello"}])
                writer.commit(CaseInfo("doctor"))
            with open_case(Path(folder, "case")) as store:
                version = store.query("SELECT version() AS v, count() AS n FROM logs")[0]
    except (DeepCodeReasoningError, ImportError, OSError) as fault:
        return Examination("engine", False, str(fault))
    return Examination("engine", version["n"] == 1, f"chDB, ClickHouse {version['v']}")


def _home() -> Examination:
    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as fault:
        return Examination(
            "home", False, f"{folder} cannot be written: {fault.strerror}; set DCR_HOME to another folder"
        )
    return Examination("home", True, f"cases are kept in {folder}")


def _ledger() -> Examination:
    try:
        with open_ledger() as ledger:
            calls = ledger.statistics.collect().total.calls
    except DeepCodeReasoningError as fault:
        return Examination("ledger", False, fault.message)
    return Examination("ledger", True, f"{ledger.name}, {calls} calls")


def _configuration() -> Examination:
    try:
        settings = load_settings()
    except DeepCodeReasoningError as fault:
        return Examination("configuration", False, fault.message)
    roots = ", ".join(map(str, settings.roots)) or "none beside the project's folder"
    return Examination("configuration", True, f"folders that the server may read: {roots}")


def examine_client(name: str) -> Examination:
    """A coding agent: whether the server is in its configuration, and its command is there."""
    label = f"client {name}"
    try:
        entry = entry_in(name)
    except DeepCodeReasoningError as fault:
        return Examination(label, False, fault.message, needed=False)
    if entry is None:
        return Examination(label, False, f"not set up: 'dcr setup {name}'", needed=False)
    command = str(entry.get("command", ""))
    if not shutil.which(command):
        return Examination(label, False, f"its command {command} is not there: 'dcr setup {name}'", needed=False)
    return Examination(label, True, command, needed=False)


def _sandboxes() -> list[Examination]:
    reports = open_sandbox().examine(prepare=True)
    return [Examination(f"sandbox {report.tier}", report.ok, report.detail, needed=False) for report in reports]
