"""Fixtures that all tests share."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.store import CaseStore, CaseWriter, open_case
from wire.fixtures import _no_model_requests, _quick_clients, _stub_server, stub  # noqa: F401 - fixtures for every test

# The suite tries the same examples every time and on any machine, however slow; `make fuzz` looks for new ones.
settings.register_profile("suite", derandomize=True, deadline=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("DCR_TEST_PROFILE", "suite"))

# A shell lets what it starts in the background ignore interrupts, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

Tables = Mapping[str, list[dict[str, Any]]]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for servers, deadlines and the disk, and these stand idle then."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def _homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home for each test, which is made by the first who writes to it: most tests never do."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(autouse=True)
def _own_home(_homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has its own home for cases."""
    monkeypatch.setenv("DCR_HOME", str(next(_homes)))


@contextmanager
def built_case(folder: Path, tables: Tables) -> Iterator[CaseStore]:
    """Write tables (name -> rows as dicts) to a case and open it."""
    with CaseWriter(folder) as writer:
        writer.add_source(Source(1, "test", str(folder.parent / "test"), "test", "mixed"))
        for table, rows in tables.items():
            writer.rows(table, rows)
        writer.commit(CaseInfo("test"))
    with open_case(folder) as store:
        yield store


@pytest.fixture
def build_case(tmp_path: Path) -> Callable[[Tables], AbstractContextManager[CaseStore]]:
    """`build_case(tables)`: a case of these rows, open."""
    return lambda tables: built_case(tmp_path / f"case{len(list(tmp_path.iterdir()))}", tables)


@pytest.fixture(scope="session")
def build_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Tables], AbstractContextManager[CaseStore]]:
    """The same for what several tests share."""
    return lambda tables: built_case(tmp_path_factory.mktemp("shared") / "case", tables)


@pytest.fixture(scope="session")
def labelled_data() -> Path:
    """The folder of the labelled suites; tests that need it are skipped where it is absent."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the labelled data is not at {folder}")
    return folder
