"""Time and memory of the source index: `python benchmarks/source_index.py [--files N] [--models FOLDER...]`.

The tree is made of real files (the folders given, else the Python standard library), over and over, each copy with
words of its own, so that every content is new and the vocabulary is one of real code; paths stay, so that tests are
tests. Measured: the cold index, bringing it up to date with nothing and with a hundred files changed, and queries.
Processor time is of all processes; wall time is that of a machine with nothing else to do only when it has nothing else
to do.
"""

from __future__ import annotations

import argparse
import os
import resource
import sysconfig
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from deep_code_reasoning.source import Roots
from deep_code_reasoning.source.index import Indexed, SourceIndex
from deep_code_reasoning.source.localise import localise

Result = TypeVar("Result")
_QUESTIONS = (
    "Connection is not returned to the pool after a timeout\nThe socket stays open when the server closes first.",
    "TypeError in parse_headers when the charset is missing",
    'ValueError: unknown option\n  File "/app/package7/argparse.py", line 120, in parse_args\n    raise error',
)


def main() -> int:
    """Make the tree, index it, ask it, print what each took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--models", type=Path, nargs="+", default=[Path(sysconfig.get_path("stdlib"))])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root, database = Path(folder, "tree"), Path(folder, "index.db")
        size = _make_tree(root, options.files, options.models)
        print(f"{options.files:,} files, {size / 1e6:,.0f} MB")
        with SourceIndex(database) as index:

            def bring_up_to_date() -> Indexed:
                return index.add_folder("tree", Roots([root]))

            tree = _timed("cold index", bring_up_to_date).tree
            _timed("nothing changed", bring_up_to_date)
            for path in sorted(root.rglob("*.py"))[:: max(1, options.files // 100)]:
                path.write_text(path.read_text(encoding="utf-8") + "\nchanged = True\n", encoding="utf-8")
            _timed("a hundred changed", bring_up_to_date)
            for question in _QUESTIONS:
                _timed(f"query of {len(question.split())} words", partial(localise, index, [tree], question))
        print(f"the index has {database.stat().st_size / 1e6:,.0f} MB")
    peak = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    print(f"peak memory {peak[0]:.0f} MB, of the largest helping process {peak[1]:.0f} MB")
    return 0


def _make_tree(root: Path, files: int, folders: Sequence[Path]) -> int:
    models = [
        (Path(folder.name, path.relative_to(folder)), path.read_text(encoding="utf-8", errors="replace"))
        for folder in folders
        for path in sorted(folder.rglob("*.py"))
        if "site-packages" not in path.parts
    ]
    size = 0
    for number in range(files):
        copy, which = divmod(number, len(models))
        path, text = models[which]
        text += f"\n\ndef only_in_{path.stem}_{copy}():\n    return 'word{number}'\n"
        place = root / f"package{copy}" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        size += len(text)
    return size


def _timed(name: str, work: Callable[[], Result]) -> Result:
    wall, before = time.perf_counter(), os.times()
    done = work()
    after = os.times()
    user = sum(after[:4]) - sum(before[:4])
    print(f"{name:20} {time.perf_counter() - wall:8.2f} s wall {user:8.2f} s processor", flush=True)
    return done


if __name__ == "__main__":
    raise SystemExit(main())
