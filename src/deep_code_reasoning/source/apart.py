"""Files that stand apart from the code of a system: tests, examples, what others wrote, what tools wrote.

They share a report's words and are hardly ever what has to change. They are listed, and found when a report names
them; they are not read.
"""

from __future__ import annotations

import re
from typing import Final

_FOLDERS: Final = re.compile(
    r"(?:^|/)(?:tests|__tests__|specs?|examples?|samples?|docs?|benchmarks?|vendor|third_party|_vendor|extern)/"
)
# One `test` folder inside a Python package is as often what a framework offers for testing (`django/test/client.py`);
# the tests in it are known by their names.
_TESTING: Final = re.compile(r"^(?:test|testing)/|/(?:test|testing)/(?!.*\.pyi?$)")
_NAMES: Final = re.compile(
    r"(?:^|/)(?:conftest\.py|test_[^/]*|[^/]*(?:_test|_spec|\.test|\.spec|Tests?|IT)\.\w+"
    r"|[^/]*(?:_pb2(?:_grpc)?\.pyi?|\.pb\.go|[._]generated\.\w+|\.designer\.cs|\.min\.\w+))$"
)


def stands_apart(path: str) -> bool:
    """Whether a file is a test, an example, vendored or generated, by its path below its repository."""
    return any(pattern.search(path) for pattern in (_FOLDERS, _TESTING, _NAMES))
