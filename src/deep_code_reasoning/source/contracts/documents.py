"""YAML and JSON documents as paths of keys with their values and lines; whatever is broken in them reads as nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from ..roots import SourceFile

if TYPE_CHECKING:
    import yaml

# A document that is larger is data, or was written to cost us time.
_MAX_BYTES: Final = 1_000_000
_MAX_ENTRIES: Final = 50_000
_MAX_DEPTH: Final = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """A scalar: the keys that lead to it (places in lists as digits), its text, its line from 1."""

    path: tuple[str, ...]
    value: str
    line: int


def entries(file: SourceFile) -> list[Entry]:
    """The scalars of all documents of a file, in order. Empty mappings are entries without a value."""
    import yaml

    if len(file.text) > _MAX_BYTES:
        return []
    found: list[Entry] = []
    try:
        for document in yaml.compose_all(file.text.replace("\t", "  "), Loader=yaml.CSafeLoader):
            if document is not None:
                found += islice(_walk(document), _MAX_ENTRIES - len(found))
    except (yaml.YAMLError, RecursionError, ValueError):
        pass  # a template, or no document: what came before it counts
    return found


def mapping(file: SourceFile) -> list[dict[str, Any]]:
    """The documents of a file that are mappings."""
    import yaml

    if len(file.text) > _MAX_BYTES:
        return []
    try:
        if file.where.path.endswith(".json"):
            documents = [json.loads(file.text)]
        else:
            documents = list(yaml.load_all(file.text, Loader=yaml.CSafeLoader))
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        return []
    return [document for document in documents if isinstance(document, dict)]


def _walk(root: yaml.Node) -> Iterator[Entry]:
    """Scalars in the order of the text, aliases and merged mappings where they stand; the caller bounds them."""
    import yaml

    waiting: list[tuple[yaml.Node, tuple[str, ...]]] = [(root, ())]
    while waiting:
        node, path = waiting.pop()
        line = node.start_mark.line + 1
        if isinstance(node, yaml.ScalarNode):
            yield Entry(path, "" if node.tag.endswith(":null") else node.value, line)
            continue
        if len(path) > _MAX_DEPTH:
            continue
        inside: list[tuple[yaml.Node, tuple[str, ...]]] = []
        if isinstance(node, yaml.MappingNode):
            inside = [(value, path if key.value == "<<" else (*path, str(key.value))) for key, value in node.value]
        elif isinstance(node, yaml.SequenceNode):
            inside = [(value, (*path, str(place))) for place, value in enumerate(node.value)]
        if not inside:
            yield Entry(path, "", line)
        waiting += reversed(inside)
