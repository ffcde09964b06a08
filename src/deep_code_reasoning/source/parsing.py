"""Many files read at once: contents in, outlines and their words out, in order, over the machine's processors."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Final

from .outline import Outline, outline, unit_words

# A batch: so many files, or so many bytes; what waits for its turn is held in memory.
MAX_FILES: Final = 200
_MAX_BYTES: Final = 4_000_000
# Below this many new files a second process takes longer to start than it saves.
PARALLEL_FROM: Final = 1_000
_MAX_PROCESSES: Final = 4


@dataclass(frozen=True, slots=True)
class Content:
    """A content that is new: where it was met, git's id of it, and itself."""

    path: str
    sha: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Parsed:
    """A content that was read: its outline without text, and the words of each unit's name and text."""

    sha: str
    outline: Outline
    words: tuple[tuple[str, str], ...]


def parse(contents: Iterable[Content], count: int) -> Iterator[list[Parsed]]:
    """Read contents, some hundred at a time; `count` says about how many will come."""
    processes = min(os.cpu_count() or 1, _MAX_PROCESSES) if count >= PARALLEL_FROM else 1
    if processes == 1:
        yield from map(_parse_batch, _batches(contents))
        return
    # Spawned, not forked: the caller may have threads, and an engine within them.
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        waiting: deque[Future[list[Parsed]]] = deque()
        for batch in _batches(contents):
            waiting.append(pool.submit(_parse_batch, batch))
            if len(waiting) > 2 * processes:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _batches(contents: Iterable[Content]) -> Iterator[list[Content]]:
    batch: list[Content] = []
    size = 0
    for content in contents:
        batch.append(content)
        size += len(content.content)
        if len(batch) >= MAX_FILES or size >= _MAX_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _parse_batch(batch: Sequence[Content]) -> list[Parsed]:
    parsed = []
    for file in batch:
        found = outline(file.path, file.content)
        parsed.append(Parsed(file.sha, found, tuple(map(unit_words, found.units))))
        for unit in found.units:
            unit.body = ""
    return parsed
