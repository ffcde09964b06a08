"""Fixtures of the stub. `tests/conftest.py` loads them for every test."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .server import Stub


@pytest.fixture(scope="session")
def _quick_clients(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Every client reads all certificate authorities when it is made, 0.1 s a time; the stub speaks plain HTTP."""
    import certifi

    first, end, _ = Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----")
    one = tmp_path_factory.mktemp("trust") / "one.pem"
    one.write_text(first[first.index("-----BEGIN") :] + end + "\n", "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(one))
        yield


@pytest.fixture(scope="session")
def _stub_server(_quick_clients: None) -> Iterator[Stub]:
    from .server import Stub  # the server's libraries are loaded for the tests that use them

    stub = Stub()
    stub.start()
    yield stub
    stub.stop()


@pytest.fixture(autouse=True)
def _no_model_requests(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a model outside this machine; only those with the stub may ask at all."""
    monkeypatch.setenv("DCR_OFFLINE", "1")
    if "stub" not in request.fixturenames and "pydantic_ai.models" in sys.modules:
        monkeypatch.setattr(sys.modules["pydantic_ai.models"], "ALLOW_MODEL_REQUESTS", False)


@pytest.fixture
def stub(_stub_server: Stub, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stub]:
    """The stub with an empty script; the test fails when a request came that its script did not foresee."""
    import pydantic_ai.models

    monkeypatch.setattr(pydantic_ai.models, "ALLOW_MODEL_REQUESTS", True)
    _stub_server.reset()
    yield _stub_server
    assert _stub_server.unexpected == []
