"""What a tool is: a name, words, arguments, and a function that answers with facts."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import mcp_types as types

from ..app.settings import Settings
from ..store.library import case_folder
from .arguments import Arguments, flat_schema
from .long_work import LongWork, OnProgress
from .workers import Workers

Facts = Mapping[str, Any]
Consent = Callable[[str], Awaitable[bool]]
"""Asks the user a yes-or-no question through the client; False when the client cannot ask."""
# Clients give up on a call at about a minute; what takes longer is asked for again by its handle.
MAX_WAIT_S: Final = 45.0


@dataclass(frozen=True, slots=True)
class Call:
    """What a tool may use while it answers one call. `settings` tells what is allowed to this client."""

    workers: Workers
    work: LongWork
    settings: Callable[[], Awaitable[Settings]]
    on_progress: OnProgress
    consent: Consent
    notes: list[str] = field(default_factory=list)


def case_name(given: str) -> str:
    """A case as clients may name it: by its name, never by a path.

    Raises:
        UsageError: when it is no name.
    """
    return case_folder(given).name


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. Its hints are true: `reads_only` changes nothing but our own cases and results, `asks_others` may send
    something off this machine."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    run: Callable[[Any, Call], Awaitable[Facts]]
    reads_only: bool = True
    asks_others: bool = False
    search_hint: str = ""

    def advertised(self) -> types.Tool:
        """The tool as `tools/list` shows it."""
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=flat_schema(self.arguments),
            annotations=types.ToolAnnotations(
                read_only_hint=self.reads_only,
                # The protocol gives it a meaning only where something is written.
                destructive_hint=None if self.reads_only else False,
                open_world_hint=self.asks_others,
            ),
            _meta={"anthropic/searchHint": self.search_hint} if self.search_hint else None,
        )
