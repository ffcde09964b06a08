"""A file's lines."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...packing.pieces.code import code_piece
from ..bench import Bench


@dataclass
class ReadCode:
    """Arguments of the tool."""

    path: Annotated[str, Field(description="REPO/PATH, or a path below one of the folders that may be read.")]
    line: Annotated[int, Field(ge=0, description="Show the lines around this one; 0: the whole file.")] = 0
    radius: Annotated[int, Field(ge=1, le=400, description="So many lines on each side.")] = 40


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: ReadCode) -> str:
        piece = code_piece(bench.roots, wanted.path, wanted.line, bench.max_result_tokens, radius=wanted.radius)
        return bench.shown(piece)

    return Tool(
        "read_code",
        f"Shows lines of a file, with their numbers. Folders that may be read: {', '.join(bench.roots.names)}.",
        ReadCode,
        run,
    )
