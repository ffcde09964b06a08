"""Aider's repository map as a ranking of files; run by an interpreter that has `aider-chat`, and by nothing of ours.

Reads JSON lines `{"root": FOLDER, "files": [PATH...], "text": REPORT}` and answers each with a line: the files, best
first. The map is asked as aider's own chat asks it (aider/coders/base_coder.py, 0.86): words of the message are its
identifiers, files are mentioned by path, by a unique base name, or by a stem of five letters or more. Files come in the
order in which the map would show their first definition.

Its dependencies, without those of models: `pip install --no-deps aider-chat` and then `grep-ast==0.9.0
tree-sitter-language-pack==0.13.0 diskcache pygments tqdm networkx scipy numpy rich`.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath
from types import SimpleNamespace

from aider.repomap import RepoMap  # type: ignore[import-not-found]


class _Map(RepoMap):  # type: ignore[misc]
    """Keeps its tags in memory, not in a folder of the repository."""

    def load_tags_cache(self) -> None:
        self.TAGS_CACHE: dict[str, object] = {}


def main() -> None:
    """Answer until the input ends."""
    maps: dict[str, _Map] = {}
    answers = sys.stdout
    # It prints progress.
    sys.stdout = sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    for line in sys.stdin:
        asked = json.loads(line)
        root, files = asked["root"], asked["files"]
        if root not in maps:
            maps = {root: _Map(root=root, io=_quiet())}
        words = set(re.split(r"\W+", asked["text"]))
        places = [str(Path(root, path)) for path in files]
        tags = maps[root].get_ranked_tags((), places, _mentioned(asked["text"], words, files), words)
        answers.write(json.dumps(list(dict.fromkeys(tag[0] for tag in tags))) + "\n")
        answers.flush()


def _mentioned(text: str, idents: set[str], files: list[str]) -> set[str]:
    said = {word.rstrip(",.!;:?").strip("\"'`*_") for word in text.split()}
    mentioned = said.intersection(files)
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for path in files:
        by_name[PurePosixPath(path).name].append(path)
    mentioned.update(paths[0] for name, paths in by_name.items() if len(paths) == 1 and name in said)
    long = {ident.lower() for ident in idents if len(ident) >= 5}
    return mentioned | {path for path in files if PurePosixPath(path).stem.lower() in long}


def _quiet() -> SimpleNamespace:
    return SimpleNamespace(
        tool_output=lambda *_: None,
        tool_warning=lambda *_: None,
        tool_error=lambda *_: None,
        read_text=lambda path: Path(path).read_text(encoding="utf-8", errors="replace"),
    )


if __name__ == "__main__":
    main()
