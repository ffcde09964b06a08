"""Records whose shape is known (`change_shapes`), made into rows of `changes`."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..domain.instant import format_instant
from ..domain.rollout import NEVER_LIVE, PARTIAL, is_rehearsal
from .change_shapes import SHAPES, Shape
from .change_values import image_of, repository_of, sha_of
from .deploy_lines import DeployLine, deploy_line
from .deploy_outcome import outcome_of
from .found import found, items_at, text_at, texts_at, time_at
from .members import Members, plain
from .values import text_of

Row = dict[str, Any]
_Sign = tuple[bool, tuple[str, ...], re.Pattern[str] | None]

_SILENT: Final = DeployLine(said=False)


@dataclass(frozen=True, slots=True)
class Shaped:
    """What a record of a known shape makes.

    Attributes:
        shape: the first shape that it has.
        rows: of `changes`, without their origin. A `key` names a deploy for rows of the kind `part`, which tell more
            of it; `merges` says that rows of one id are one.
        reason: why it makes nothing, '' where it does.
    """

    shape: Shape
    rows: tuple[Row, ...]
    reason: str


def shaped(record: Mapping[str, Any], around: Mapping[str, Any]) -> Shaped | None:
    """What a record makes; None when its shape is not known.

    Args:
        record: the decoded record.
        around: members of the document around it; asked for what the record does not say.
    """
    heads = {head for name in record for head in (plain(name), plain(name).partition(".")[0])}
    shapes = [shape for shape in SHAPES if _may_have(shape.signs, heads) and _has(shape, record, heads)]
    if not shapes:
        return None
    rows: list[Row] = []
    reason = ""
    for shape in shapes:
        if shape.only and not any(re.search(shape.words, text, re.IGNORECASE) for text in texts_at(record, shape.only)):
            reason = reason or f"{shape.tool}: no {'switch' if shape.kind == 'flag' else 'deploy'}"
            continue
        for entry in items_at(record, shape.each) if shape.each else (record,):
            sources = [entry, *([record] if shape.each else []), around]
            row = _row(shape, sources)
            if row is None:
                reason = reason or f"{shape.tool}: without a time"
            else:
                rows.append(row)
    return Shaped(shapes[0], tuple(rows), "" if rows else reason or f"{shapes[0].tool}: nothing in it")


# --- signs ------------------------------------------------------------------------------------------------------


@functools.cache
def _signs(signs: str) -> tuple[_Sign, ...]:
    parsed: list[_Sign] = []
    for sign in signs.split():
        names, _, pattern = sign.lstrip("!").partition("=")
        compiled = re.compile(pattern, re.IGNORECASE) if pattern else None
        parsed.append((sign[0] != "!", tuple(names.split("|")), compiled))
    return tuple(parsed)


@functools.cache
def _heads(signs: str) -> tuple[frozenset[str], ...]:
    """Of each sign that must be there, the members one of which a record must have at its top."""
    return tuple(frozenset(name.partition(".")[0] for name in names) for wanted, names, _ in _signs(signs) if wanted)


def _may_have(signs: str, heads: set[str]) -> bool:
    """Whether a record with these members may have these signs; most shapes are passed over by this alone."""
    return not any(map(heads.isdisjoint, _heads(signs)))


def _has(shape: Shape, record: Mapping[str, Any], heads: set[str]) -> bool:
    return all(_holds(sign, record, heads) for sign in _signs(shape.signs))


def _holds(sign: _Sign, record: Mapping[str, Any], heads: set[str]) -> bool:
    wanted, names, pattern = sign
    there = any(
        pattern is None or pattern.fullmatch(text_of(value))
        for name in names
        if name.partition(".")[0] in heads
        for value in _values(record, name)
    )
    return there == wanted


def _values(record: Mapping[str, Any], path: str) -> Iterator[Any]:
    """What is at a path, objects and lists too: that they are there is a sign."""
    own = next((value for name, value in record.items() if plain(name) == path), None)
    if own not in (None, "", [], {}):
        yield own
    yield from found(record, path)


# --- rows -------------------------------------------------------------------------------------------------------


def _row(shape: Shape, sources: list[Any]) -> Row | None:
    """The row that an element of a record makes; None when nothing says when it was."""

    def told(column: str) -> str:
        return text_at(sources, shape.columns.get(column, ""))

    names = shape.columns.get("time", "")
    time_ns = next(filter(None, (time_at(source, names) for source in sources)), 0)
    if not time_ns and shape.kind != "part":
        return None
    attributes = {name: told(name) for name in ("environment", "state", "url", "flag")}
    # A namespace may be called for anything, so it says so only by a word that is used of environments alone.
    attributes["environment"] = attributes["environment"] or next(filter(is_rehearsal, [told("namespace")]), "")
    row: Row = {
        "kind": shape.kind,
        "time_ns": time_ns,
        "repo": repository_of(told("repo")),
        "author": told("author"),
        "message": told("message"),
        "commit_sha": sha_of(told("commit")),
        "key": f"{shape.tool.split()[0]} {told('key')}" if told("key") else "",
    }
    if shape.kind == "commit":
        paths = [path for name in shape.columns["files"].split() for path in texts_at(sources[0], name)]
        return {**row, "id": row["commit_sha"] or told("id"), "files": list(dict.fromkeys(paths))}
    row |= {"service": told("service"), "version": told("version")}
    if shape.kind != "flag":
        _add_deploy(row, attributes, shape, sources, told("image"), bool(told("reached")))
    row["id"] = (
        told("id")
        or f"{row['service'] or attributes['flag']}@{row['version'] or row['commit_sha'] or format_instant(time_ns)}"
    )
    row["attributes"] = {"read_as": shape.tool, **{name: text for name, text in attributes.items() if text}}
    row["merges"] = shape.merges
    return row


def _add_deploy(
    row: Row, attributes: dict[str, str], shape: Shape, sources: list[Any], image: str, reached: bool
) -> None:
    """What became of a deploy, and what its image and its words say of it where its members do not."""
    record = sources[0]
    said = " ".join(text for name in shape.said.split() if (text := text_at([record], name)))
    line = deploy_line(said, meant=True) if said else _SILENT
    name, tag = image_of(image)
    row["service"] = row["service"] or name or line.service
    row["version"] = row["version"] or tag or line.version
    row["commit_sha"] = row["commit_sha"] or sha_of(row["version"]) or line.commit
    row["author"] = row["author"] or line.author
    attributes["environment"] = attributes["environment"] or line.environment
    outcome = outcome_of(record, Members(record), attributes["state"])
    attributes["outcome"] = PARTIAL if reached and outcome in NEVER_LIVE else outcome
