"""A pack: what a model is given to reason over, and the account of what it was not given."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from .asking import Passage
from .citation import Citation
from .escalation import PackSize
from .window import Window

# What became of a piece that was offered: sent whole, sent in part, or not sent.
PieceState: TypeAlias = Literal["sent", "shortened", "dropped"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where the asker wants to look; empty means everywhere.

    `entry_points` are `FILE:LINE` or `FILE:LINE:FUNCTION`; `window` bounds the telemetry.
    """

    files: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    entry_points: tuple[str, ...] = ()
    window: Window | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that may go into a pack.

    `key` is unique and stable (`cause/1`, `trace/worst/TRACE`, `code/REPO/PATH#10-40`); `kind` is the word before its
    first slash. `citations` are the rows that its text shows. In `text` secrets are taken out (`redactions` counts
    them, by kind) and control characters made visible; it is fenced when packed. `left_out` counts the lines (or
    spans, commits ...) that it was shortened by, which the text says too.
    """

    key: str
    title: str
    text: str
    citations: tuple[Citation, ...] = ()
    left_out: int = 0
    redactions: tuple[tuple[str, int], ...] = ()

    @property
    def kind(self) -> str:
        """What it is: the word before the first slash of its key."""
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """What became of a piece: its size as offered and as sent, and why, in words."""

    key: str
    title: str
    state: PieceState
    offered_bytes: int
    offered_tokens: int
    sent_bytes: int = 0
    sent_tokens: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Pack:
    """Evidence and code under a token budget, ready to be sent.

    `passages` are fenced, redacted text, the stable ones first. `nonce` closes the fences: nothing in the evidence
    can know it. `citations` are all rows that are shown. `redactions` counts the secrets that were taken out, by kind.
    `counted` says how tokens were counted.
    """

    passages: tuple[Passage, ...]
    nonce: str
    budget_tokens: int
    tokens: int
    counted: str
    size: PackSize
    manifest: tuple[ManifestEntry, ...]
    citations: tuple[Citation, ...] = ()
    redactions: tuple[tuple[str, int], ...] = field(default=())

    @property
    def text(self) -> str:
        """All that is sent, as one text."""
        return "".join(passage.text for passage in self.passages)

    @property
    def is_partial(self) -> bool:
        """Whether something that was offered is not in it, or not whole."""
        return any(entry.state != "sent" for entry in self.manifest)
