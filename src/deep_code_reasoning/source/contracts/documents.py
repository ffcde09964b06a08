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
MAX_DOCUMENT_CHARACTERS: Final = 1_000_000
_MAX_ENTRIES: Final = 50_000
_MAX_DEPTH: Final = 40


@dataclass(frozen=True, slots=True)
class Entry:
    """A value: the keys that lead to it (places in lists as digits), its text ('' of mappings and lists), its line."""

    path: tuple[str, ...]
    value: str
    line: int


def is_too_large(file: SourceFile) -> bool:
    """Whether a YAML or JSON document is too large to be read as one."""
    return len(file.text) > MAX_DOCUMENT_CHARACTERS and file.where.path.endswith((".yaml", ".yml", ".json"))


def entries(file: SourceFile) -> list[Entry]:
    """The values of all documents of a file, in order."""
    import yaml

    if is_too_large(file):
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

    if is_too_large(file):
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
    """Values in the order of the text, aliases and merged mappings where they stand; the caller bounds them."""
    import yaml

    waiting: list[tuple[yaml.Node, tuple[str, ...], int]] = [(root, (), root.start_mark.line + 1)]
    while waiting:
        node, path, line = waiting.pop()
        if isinstance(node, yaml.ScalarNode):
            yield Entry(path, "" if node.tag.endswith(":null") else node.value, line)
            continue
        yield Entry(path, "", line)
        if len(path) > _MAX_DEPTH:
            continue
        inside: list[tuple[yaml.Node, tuple[str, ...], int]] = []
        if isinstance(node, yaml.MappingNode):
            inside = [
                (value, path if key.value == "<<" else (*path, str(key.value)), key.start_mark.line + 1)
                for key, value in node.value
            ]
        elif isinstance(node, yaml.SequenceNode):
            inside = [(value, (*path, str(at)), value.start_mark.line + 1) for at, value in enumerate(node.value)]
        waiting += reversed(inside)
