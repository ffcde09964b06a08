"""Arrow alone, without NumPy and pandas, which nothing in this room uses.

Arrow would load NumPy, in 0.07 s of the processor, and start its threads; and pandas, in a quarter of a second and with
44 MB, to ask of each list of cells whether it is a series. It does without where they cannot be found.
"""

from __future__ import annotations

import sys
from functools import cache
from typing import Any, Final

_DISPENSABLE: Final = ("numpy", "pandas")


class _NotFound:
    """A finder of modules that says that these are not there."""

    def find_spec(self, name: str, *_: Any) -> None:
        if name in _DISPENSABLE:
            raise ModuleNotFoundError(name)


@cache
def load_arrow() -> Any:
    """The module `pyarrow`, with `pyarrow.parquet`. It looks for the others once, at its first array at the latest.

    What somebody else has loaded before is found as ever.
    """
    finder: Any = _NotFound()
    sys.meta_path.insert(0, finder)
    try:
        import pyarrow.parquet

        pyarrow.array([])
    finally:
        sys.meta_path.remove(finder)
    return pyarrow
