"""From what a client library raises or returns to our errors: one place that says what each failure means to a user.

Also the judge of whether an answer is whole. A stream that ends cleanly but early raises nothing: the OpenAI chat wire
then reads as finished ("stop"), the others as finished for no reason. What counts is the endpoint's own word for why it
stopped: an answer without one is not whole, on any wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ..errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextWindowError,
    ModelNotFoundError,
    ProviderError,
    ProviderUnavailableError,
    QuotaError,
    RateLimitedError,
    RequestRejectedError,
    TruncatedAnswerError,
)
from .keys import Secret
from .translation import said_why_it_stopped

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse

_MAX_WORDS: Final = 400
# How OpenAI's API says that it will not take a prompt for what is in it; the status is that of any bad request.
_FILTER_CODES: Final = frozenset({"content_filter", "content_policy_violation", "invalid_prompt"})


def vendor_faults() -> tuple[type[BaseException], ...]:
    """What a client library raises for a request that went wrong; anything else is a fault of ours.

    Beside its own errors: those of the HTTP client, and those of code that meets a reply of another shape than the
    format's (a list where an object belongs).
    """
    import httpx2
    from pydantic_ai.exceptions import AgentRunError, UserError

    # pydantic's ValidationError and JSONDecodeError are ValueErrors.
    shape = (ValueError, TypeError, KeyError, IndexError, AttributeError)
    return (AgentRunError, UserError, httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, OSError, *shape)


def to_provider_error(fault: BaseException, model_id: str, key: Secret | None, partial_text: str) -> ProviderError:
    """The error of ours that says what happened; the vendor's words are kept, the key is not."""
    from pydantic_ai import exceptions as library

    words = _words(fault)
    if getattr(fault, "provider_error_code", None) in _FILTER_CODES:
        fault = library.ContentFilterError(words)
    kinds: tuple[tuple[type[BaseException], type[ProviderError], str], ...] = (
        (library.ContentFilterError, ContentFilteredError, "another vendor's model may take it"),
        (library.ModelQuotaExceededError, QuotaError, "top up the account, or name another model"),
        (library.ModelRateLimitError, RateLimitedError, "try later, or name another model"),
        (library.ModelAuthenticationError, AuthenticationError, "check the key: 'dcr models' says where it comes from"),
        (library.ModelNotFoundError, ModelNotFoundError, "it may have been shut down: 'dcr models --check'"),
        (library.ModelContextWindowExceededError, ContextWindowError, "send less, or ask a model with a larger window"),
        (library.ModelRequestRejectedError, RequestRejectedError, ""),
        (library.UserError, RequestRejectedError, ""),
        (BaseException, ProviderUnavailableError, "try later, or name another model"),
    )
    ours, hint = next((ours, hint) for kind, ours, hint in kinds if isinstance(fault, kind))
    return ours(
        (key or Secret("")).scrub(f"{model_id}: {words}"),
        hint,
        partial_text=partial_text,
        retry_after_s=getattr(fault, "retry_after", None),
    )


def check_whole(response: ModelResponse, model_id: str, text: str, has_content: bool) -> None:
    """Raise unless the endpoint said that the answer is complete, and it is one.

    Raises:
        TruncatedAnswerError, ContentFilteredError, ProviderUnavailableError: with the text that was written.
    """
    said = said_why_it_stopped(response)
    reason = response.finish_reason
    if reason == "content_filter":
        raise ContentFilteredError(
            f"{model_id}: a content filter stopped the answer", "another vendor's model may take it", partial_text=text
        )
    if reason == "length":
        raise TruncatedAnswerError(
            f"{model_id}: the answer was cut off at its length limit after {len(text)} characters",
            "allow more output tokens",
            partial_text=text,
            retryable=False,
        )
    if response.state == "suspended":
        return
    if said is None or response.state != "complete":
        raise TruncatedAnswerError(
            f"{model_id}: the stream ended before the answer did, after {len(text)} characters",
            "try again",
            partial_text=text,
            retryable=True,
        )
    if reason not in ("stop", "tool_call"):
        raise ProviderUnavailableError(f"{model_id}: stopped because of '{said}'", partial_text=text)
    if not has_content:
        raise TruncatedAnswerError(f"{model_id}: an empty answer", "try again", retryable=True)


def _words(fault: BaseException) -> str:
    """What the vendor said, in one line."""
    body: Any = getattr(fault, "body", None)
    for _ in range(2):
        if isinstance(body, dict) and isinstance(body.get("error"), dict):
            body = body["error"]
    message = body.get("message") if isinstance(body, dict) else None
    words = message if isinstance(message, str) and message else str(fault) or type(fault).__name__
    status = getattr(fault, "status_code", None)
    line = " ".join(words.split())[:_MAX_WORDS]
    return f"HTTP {status}: {line}" if status else line
