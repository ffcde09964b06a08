"""Every error this package raises on purpose, in one tree.

    DeepCodeReasoningError            exit 1   a fault of ours, unless a subclass says otherwise
    ├── UsageError                    exit 2   the caller's words are off (an option, a name, a time)
    │   ├── CaseNotFoundError         exit 2
    │   ├── CitationError             exit 2   a citation that cannot be parsed or does not resolve
    │   ├── QueryError                exit 2   SQL of the user's that the engine refuses
    │   ├── CatalogueError            exit 2   the user's catalogue of models cannot be read
    │   ├── RoutingSettingsError      exit 2   the user's settings of routing cannot be read
    │   ├── ModelNotConfiguredError   exit 2   a model that is not known, has no key, or needs what is not installed
    │   ├── RecordNotFoundError       exit 2   no escalation, call or tournament of that id in the ledger
    │   │   └── ConversationNotFoundError
    │   ├── JobExpiredError           exit 2   the result of long work was kept for its time, and is gone
    │   ├── ConversationExpiredError  exit 2   nobody went on with it in time
    │   ├── ConversationFinishedError exit 2   it was finalised
    │   ├── SourceError               exit 2   a file of code that is not read
    │   │   ├── OutsideRootsError              outside the folders that may be read
    │   │   ├── SecretFileError                it holds secrets
    │   │   ├── SourceNotFoundError            there is no such file, or several
    │   │   └── UnreadableSourceError          no regular file, no text, too large
    │   └── BudgetExceededError       exit 2   a limit of the user's would be passed; nothing was spent
    │       └── UnpricedCallError     exit 2   a limit in money cannot hold a call whose price is unknown
    ├── NoEvidenceError               exit 3   nothing of what was given could be read
    │   └── EmptyPackError            exit 3   there is nothing to send to a model
    ├── CaseFormatError               exit 1   a case folder that is damaged or of another version
    ├── HomeError                     exit 1   the folder of all cases cannot be written, or its disk is full
    ├── EngineError                   exit 1   the analytical engine failed on a statement of ours
    ├── BusyError                     exit 1   another process works on it now (retryable)
    │   ├── ConversationBusyError
    │   └── TournamentBusyError
    ├── StoppedWorkError              exit 1   somebody stopped the work
    ├── WorkerLostError               exit 1   the process that did the work ended without an answer (retryable)
    ├── LedgerError                   exit 1   the ledger's database failed, or is of a newer version
    │   └── LedgerBusyError           exit 1   it stayed locked for longer than we wait (retryable)
    ├── SandboxError                  exit 1   an experiment could not be run
    │   └── SandboxUnavailableError   exit 1   nothing on this machine can run it without risk
    └── ProviderError                 exit 1   a model gave no usable answer; what it wrote until then is kept
        ├── AuthenticationError                the key is refused
        ├── QuotaError                         the account has no quota or money left: waiting does not help
        ├── RateLimitedError                   too many requests (retryable)
        ├── ProviderUnavailableError           5xx, no connection, one that broke, a reply that is none (retryable)
        ├── ModelNotFoundError                 there is no such model, or no longer
        ├── RequestRejectedError               the provider will not take the request as it is
        │   └── ContextWindowError             it is longer than the model's window
        ├── ContentFilteredError               a filter refused the question or the answer
        ├── TruncatedAnswerError               the answer was cut off (retryable when the connection did it)
        ├── MalformedAnswerError               no answer of the type asked for, also after one repair
        ├── StepLimitError                     tools were called until the steps ran out
        ├── StoppedError                       a limit of the user's stopped it after part had been paid
        └── DeadlineError                      the time was up

Each carries a stable `code` for programs, a message that says what and where, and a `hint` that says what to do;
`retryable` says whether the same call may well succeed later.
"""

from __future__ import annotations

from typing import Any


class DeepCodeReasoningError(Exception):
    """Base of all errors of this package.

    Args:
        message: what went wrong and where.
        hint: what the reader can do about it; empty when there is nothing to add.
    """

    code = "internal"
    exit_code = 1
    retryable = False

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


class CatalogueError(UsageError):
    """The user's catalogue of models cannot be read."""

    code = "catalogue"


class RoutingSettingsError(UsageError):
    """The user's settings of routing cannot be read, or are none."""

    code = "routing_settings"


class ModelNotConfiguredError(UsageError):
    """A model that is not known, has no key, or needs something that is not installed."""

    code = "model_not_configured"


class SourceError(UsageError):
    """A file of code that is not read; the subclasses say why."""

    code = "source"


class OutsideRootsError(SourceError):
    """It is outside the folders that may be read, by `..`, by a link, or plainly."""

    code = "outside_roots"


class SecretFileError(SourceError):
    """It is a file of secrets; those are never read."""

    code = "secret_file"


class SourceNotFoundError(SourceError):
    """There is no such file in the folders that may be read, or several."""

    code = "source_not_found"


class UnreadableSourceError(SourceError):
    """It is no regular file, no text, too large, or may not be opened."""

    code = "source_unreadable"


class NoEvidenceError(DeepCodeReasoningError):
    """Nothing of what was given could be read as evidence."""

    code = "no_evidence"
    exit_code = 3


class EmptyPackError(NoEvidenceError):
    """There is nothing to send: no evidence, no code, or no room for any of it. No money is spent on that."""

    code = "empty_pack"


class CaseFormatError(DeepCodeReasoningError):
    """A case folder that is damaged, or was written by another version."""

    code = "case_format"


class HomeError(DeepCodeReasoningError):
    """The folder that all cases are kept in cannot be written, or its disk is full."""

    code = "home"


class EngineError(DeepCodeReasoningError):
    """The analytical engine failed on a statement of ours."""

    code = "engine"


class RecordNotFoundError(UsageError):
    """No escalation, call or tournament of that id in the ledger, or no work of that handle."""

    code = "not_found"


class ConversationNotFoundError(RecordNotFoundError):
    """No conversation of that id."""

    code = "conversation_not_found"


class JobExpiredError(UsageError):
    """The result of long work was kept for its time, and is gone."""

    code = "handle_expired"


class ConversationExpiredError(UsageError):
    """Nobody went on with the conversation in time."""

    code = "conversation_expired"


class ConversationFinishedError(UsageError):
    """The conversation was finalised; it takes no more turns."""

    code = "conversation_finished"


class BudgetExceededError(UsageError):
    """A limit of the user's would be passed; raised before anything is spent."""

    code = "budget_exceeded"


class UnpricedCallError(BudgetExceededError):
    """A limit in money is set, and the price of the call is unknown: the limit could not be held."""

    code = "price_unknown"


class BusyError(DeepCodeReasoningError):
    """Another process works on it now."""

    code = "busy"
    retryable = True


class ConversationBusyError(BusyError):
    """Another process holds the conversation, or has taken it over."""

    code = "conversation_busy"


class TournamentBusyError(BusyError):
    """Another process runs the tournament, or has taken it over."""

    code = "tournament_busy"


class StoppedWorkError(DeepCodeReasoningError):
    """Somebody stopped the work; nothing of it was kept."""

    code = "stopped_by_request"


class WorkerLostError(DeepCodeReasoningError):
    """The process that did the work ended without an answer: killed from outside, or out of memory."""

    code = "worker_lost"
    retryable = True


class LedgerError(DeepCodeReasoningError):
    """The ledger's database failed, or was written by a newer version."""

    code = "ledger"


class LedgerBusyError(LedgerError):
    """The ledger's database stayed locked for longer than we wait."""

    code = "ledger_busy"
    retryable = True


class SandboxError(DeepCodeReasoningError):
    """An experiment could not be run."""

    code = "sandbox"


class SandboxUnavailableError(SandboxError):
    """Nothing on this machine can run the experiment without risk."""

    code = "sandbox_unavailable"


class ProviderError(DeepCodeReasoningError):
    """A model gave no usable answer.

    Args:
        partial_text: what it had written: it was paid for, so it is never dropped.
        retryable: whether the same request may succeed later; None for what holds for the class.
        retry_after_s: how long the provider asks to wait, in seconds.

    `attempts` (of `domain.asking.Attempt`) and `messages` (of `domain.asking.Message`) are all that was sent and said
    until then; whoever drives the conversation sets them. `other_model_may_answer` says whether it is worth asking
    another model.
    """

    code = "provider"
    retryable = False
    other_model_may_answer = True

    def __init__(
        self,
        message: str,
        hint: str = "",
        *,
        partial_text: str = "",
        retryable: bool | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message, hint)
        self.partial_text = partial_text
        self.retry_after_s = retry_after_s
        if retryable is not None:
            self.retryable = retryable
        self.attempts: tuple[Any, ...] = ()
        self.messages: tuple[Any, ...] = ()


class AuthenticationError(ProviderError):
    """The provider refuses the key."""

    code = "provider_authentication"


class QuotaError(ProviderError):
    """The account has no quota or no money left; waiting does not help."""

    code = "provider_quota"


class RateLimitedError(ProviderError):
    """Too many requests; `retry_after_s` when the provider said how long to wait."""

    code = "provider_rate_limited"
    retryable = True


class ProviderUnavailableError(ProviderError):
    """A 5xx, no connection, a connection that broke, or a reply that is none."""

    code = "provider_unavailable"
    retryable = True


class ModelNotFoundError(ProviderError):
    """The provider has no such model, or no longer."""

    code = "model_not_found"


class RequestRejectedError(ProviderError):
    """The provider will not take the request as it is."""

    code = "request_rejected"


class ContextWindowError(RequestRejectedError):
    """The request is longer than the model's window."""

    code = "context_window"


class ContentFilteredError(ProviderError):
    """A filter of the provider's refused the question or the answer."""

    code = "content_filtered"


class TruncatedAnswerError(ProviderError):
    """The answer was cut off: at its length limit, or because the stream ended before its end."""

    code = "answer_truncated"


class MalformedAnswerError(ProviderError):
    """No answer of the type asked for, also after one repair; `partial_value` is as much of it as can be read."""

    code = "answer_malformed"
    other_model_may_answer = False
    partial_value: Any = None


class StepLimitError(ProviderError):
    """The model went on calling tools when it had to answer."""

    code = "step_limit"
    other_model_may_answer = False


class StoppedError(ProviderError):
    """A limit of the user's stopped the question after part of it had been paid; the limit's error is its cause."""

    code = "stopped"
    other_model_may_answer = False


class DeadlineError(ProviderError):
    """The time was up."""

    code = "deadline"
    other_model_may_answer = False
