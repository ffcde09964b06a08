"""Arrow without pandas, which the engine brings along and nothing here uses.

Arrow would load it, in a quarter of a second and with 44 MB, to ask of each list of cells whether it is a series.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any


class _NoPandas:
    """A finder of modules that says that there is no pandas."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name == "pandas":
            raise ModuleNotFoundError(name)


@cache
def load_arrow() -> Any:
    """The module `pyarrow`, which looks for pandas once, at its first array, and here in vain."""
    import pyarrow

    finder: Any = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        pyarrow.array([])
    finally:
        sys.meta_path.remove(finder)
    return pyarrow
