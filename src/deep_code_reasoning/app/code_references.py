"""What is known of the folders that a question is about: names and contracts, what changed since the last one read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ..source import Roots
from ..source.code_files import CodeFiles
from ..source.contracts.kept import KeptReadings
from ..source.contracts.read import Contracts, read_contracts
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


def kept_contracts(files: Roots | CodeFiles, stop: Callable[[], bool] = lambda: False) -> Contracts:
    """The contracts of files (`read_contracts`); repositories that are as they were are not read again.

    Raises:
        UnreadableSourceError: when the index cannot be used.
    """
    with KeptReadings(index_path()) as kept:
        return read_contracts(files, stop, kept)
