"""A commit with its diff."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from pydantic.dataclasses import dataclass

from ...domain.asking import Tool
from ...domain.citation import Citation
from ...errors import CitationError
from ...packing.pieces.commits import commit_piece
from ..bench import Bench


@dataclass
class ShowCommit:
    """Arguments of the tool."""

    citation: Annotated[str, Field(description="commit:REPO@SHA, as the evidence shows it.")]


def make(bench: Bench) -> Tool:
    """The tool."""

    def run(wanted: ShowCommit) -> str:
        citation = Citation.parse(wanted.citation)
        if citation.kind != "commit":
            raise CitationError(f"{citation} is no commit", "write commit:REPO@SHA")
        return bench.shown(commit_piece(bench.case, citation, bench.max_result_tokens))

    return Tool("show_commit", "Shows a commit: message, files, diff.", ShowCommit, run)
