"""Every error this package raises on purpose, in one tree.

    DeepCodeReasoningError            exit 1   a fault of ours, unless a subclass says otherwise
    ├── UsageError                    exit 2   the caller's words are off (an option, a name, a time)
    │   ├── CaseNotFoundError         exit 2
    │   ├── CitationError             exit 2   a citation that cannot be parsed or does not resolve
    │   └── QueryError                exit 2   SQL of the user's that the engine refuses
    ├── NoEvidenceError               exit 3   nothing of what was given could be read
    ├── CaseFormatError               exit 1   a case folder that is damaged or of another version
    └── EngineError                   exit 1   the analytical engine failed on a statement of ours

Each carries a stable `code` for programs, a message that says what and where, and a `hint` that says what to do.
"""

from __future__ import annotations


class DeepCodeReasoningError(Exception):
    """Base of all errors of this package.

    Args:
        message: what went wrong and where.
        hint: what the reader can do about it; empty when there is nothing to add.
    """

    code = "internal"
    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(DeepCodeReasoningError):
    """The caller's words are off: an option, a path, a time, a name."""

    code = "usage"
    exit_code = 2


class CaseNotFoundError(UsageError):
    """No case of that name."""

    code = "case_not_found"


class CitationError(UsageError):
    """A citation that cannot be parsed, or resolves to no row of the case."""

    code = "citation"


class QueryError(UsageError):
    """SQL of the user's that is not allowed, or that the engine refuses."""

    code = "query"


class NoEvidenceError(DeepCodeReasoningError):
    """Nothing of what was given could be read as evidence."""

    code = "no_evidence"
    exit_code = 3


class CaseFormatError(DeepCodeReasoningError):
    """A case folder that is damaged, or was written by another version."""

    code = "case_format"


class EngineError(DeepCodeReasoningError):
    """The analytical engine failed on a statement of ours."""

    code = "engine"
