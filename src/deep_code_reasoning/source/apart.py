"""Files that stand apart from the code of a system: tests, examples, what others wrote, what tools wrote.

They share a report's words and are hardly ever what has to change. They are listed, and found when a report names
them; they are not read. Nor is what they say a contract of anybody.
"""

from __future__ import annotations

import re
from typing import Final

_FOLDERS: Final = re.compile(
    r"(?:^|/)(?:tests|__tests__|specs?|examples|samples|e2e|cypress|fixtures|mocks?|__mocks__|testdata|vendor|third_party"
    r"|_vendor|extern)/"
    # Deeper, they are packages of Java: `com/example/shop`.
    r"|^(?:example|sample)/"
)
# What is written about the code; a specification among it is a contract all the same.
_DOCUMENTS: Final = re.compile(r"(?:^|/)(?:docs?|benchmarks?)/")
# One `test` folder inside a Python package is as often what a framework offers for testing (`django/test/client.py`);
# the tests in it are known by their names.
_TESTING: Final = re.compile(r"^(?:test|testing)/|/(?:test|testing)/(?!.*\.pyi?$)")
_NAMES: Final = re.compile(
    r"(?:^|/)(?:conftest\.py|tests?\.py|test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|\.cy|Tests?|IT)\.\w+"
    # What generators write: it has a client and a server of every service, and calls none.
    r"|[^/]*(?:_pb2(?:_grpc)?\.pyi?|\.pb(?:\.\w+)*\.(?:go|h|cc)|Grpc(?:Kt)?\.(?:java|kt|cs)|_pb\.(?:[jt]s|rb)|_grpc_pb\.[jt]s"
    r"|\.d\.ts|[._]generated\.\w+|\.designer\.cs|\.min\.\w+))$"
)


def stands_apart(path: str) -> bool:
    """Whether a file is a test, an example, vendored, generated or about the code, by its path in its repository."""
    return is_foreign(path) or _DOCUMENTS.search(path) is not None


def is_foreign(path: str) -> bool:
    """Whether a file is a test, an example, vendored or generated, by its path in its repository."""
    return any(pattern.search(path) for pattern in (_FOLDERS, _TESTING, _NAMES))
