"""The source index over the folders that a question is about, brought up to date."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..source import Roots
from ..source.index import SourceIndex
from ..source.references import References
from .localise import index_path


@contextmanager
def references(roots: Roots, stop: Callable[[], bool] = lambda: False) -> Iterator[References]:
    """Names across the files of the roots as they stand; only files that changed since the last question are read.

    `stop` is asked before each of these; what is unread when it says yes comes with the next question.
    """
    with SourceIndex(index_path()) as index:
        trees = [index.add_folder(name, roots, stop=stop).tree for name in roots.names]
        yield References(index, trees, roots)
