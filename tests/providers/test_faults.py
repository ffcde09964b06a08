"""What the user gets when a model fails, over each wire: an error that says what happened, with what was paid for.

The traps of the wires, each of which once passed for an answer or was retried behind our back, are told by the names.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time

import pytest

from deep_code_reasoning.domain.asking import Attempt, FailedOver, TextArrived, Waiting
from deep_code_reasoning.domain.deadline import Deadline
from deep_code_reasoning.errors import (
    AuthenticationError,
    ContentFilteredError,
    ContextWindowError,
    DeadlineError,
    DeepCodeReasoningError,
    MalformedAnswerError,
    ModelNotFoundError,
    ProviderError,
    ProviderUnavailableError,
    QuotaError,
    RateLimitedError,
    TruncatedAnswerError,
)
from wire.cards import KEY, card
from wire.script import (
    CallTool,
    Fault,
    Garbled,
    Say,
    Step,
    Typed,
    blocked,
    context_too_long,
    overloaded,
    quota_exhausted,
    rate_limited,
    server_error,
    shut_down,
    unauthorized,
)
from wire.server import Stub

from .conftest import Asking, Verdict, query_tool, text_request

ATTEMPTS = 4


def failure(ask: Asking, *steps: Step, expected: type[ProviderError], **options: object) -> ProviderError:
    """Ask, and return the error that the user gets."""
    ask.stub.script(*steps)
    with pytest.raises(expected) as caught:
        ask(**options)  # type: ignore[arg-type]
    assert type(caught.value) is expected
    return caught.value


# --- an answer that was cut off is never taken for a whole one -----------------------------------------------------


def test_a_stream_that_ends_cleanly_but_early_is_no_answer(ask: Asking) -> None:
    error = failure(ask, *[Say("half an ans", ending="truncated")] * ATTEMPTS, expected=TruncatedAnswerError)
    assert (error.partial_text, error.retryable) == ("half an ans", True)
    assert len(ask.stub.requests) == ATTEMPTS


def test_a_plain_reply_without_a_finish_reason_is_no_answer(ask: Asking) -> None:
    steps = [Say("half", ending="truncated")] * ATTEMPTS
    error = failure(ask, *steps, expected=TruncatedAnswerError, stream=False)
    assert error.partial_text == "half"


def test_a_tool_call_of_a_stream_that_ended_early_is_not_run(ask: Asking) -> None:
    ran: list[object] = []

    def run(query: object) -> str:
        ran.append(query)
        return ""

    steps = [CallTool("query", {"sql": "DELETE"}, ending="truncated")] * ATTEMPTS
    failure(ask, *steps, expected=TruncatedAnswerError, question=text_request(tools=(query_tool(run),)))
    assert ran == []


def test_an_answer_at_its_length_limit_is_no_answer_and_is_not_paid_for_twice(ask: Asking) -> None:
    error = failure(ask, Say("half", finish="length"), expected=TruncatedAnswerError)
    assert (error.partial_text, error.retryable, len(ask.stub.requests)) == ("half", False, 1)
    assert "length limit" in error.message


def test_a_typed_answer_at_its_length_limit_keeps_its_text(ask: Asking) -> None:
    value = '{"cause": "lock"}' if ask.wire in ("gemini", "anthropic") else '{"cause": "lo'
    steps = Typed(value, finish="length")
    error = failure(ask, steps, expected=TruncatedAnswerError, question=text_request(answer=Verdict))
    assert "lo" in error.partial_text


def test_an_answer_that_a_content_filter_stopped_is_no_answer(ask: Asking) -> None:
    error = failure(ask, Say("half", finish="content_filter"), expected=ContentFilteredError)
    assert (error.partial_text, error.retryable) == ("half", False)


def test_an_answer_that_stopped_for_an_odd_reason_is_no_answer(ask: Asking) -> None:
    error = failure(ask, *[Say("half", finish="odd")] * ATTEMPTS, expected=ProviderUnavailableError)
    assert error.partial_text == "half"


def test_a_question_that_a_content_filter_refused_is_told(ask: Asking) -> None:
    step: Step = Say("", finish="content_filter") if ask.wire == "anthropic" else blocked()
    error = failure(ask, step, expected=ContentFilteredError)
    assert error.partial_text == ""


def test_an_empty_answer_is_no_answer(ask: Asking) -> None:
    failure(ask, *[Say("")] * ATTEMPTS, expected=TruncatedAnswerError)


# --- what fails on the way ----------------------------------------------------------------------------------------


def test_a_dropped_connection_is_retried_and_its_text_is_kept(ask: Asking) -> None:
    error = failure(ask, *[Say("half", ending="disconnect")] * ATTEMPTS, expected=ProviderUnavailableError)
    assert (error.partial_text, error.retryable, len(ask.stub.requests)) == ("half", True, ATTEMPTS)


def test_after_a_dropped_connection_the_next_try_may_succeed(ask: Asking) -> None:
    ask.stub.script(Say("half", ending="disconnect"), server_error(), Say("whole"))
    answer = ask()
    assert answer.text == "whole"
    assert [attempt.error for attempt in answer.attempts] == ["provider_unavailable", "provider_unavailable", None]
    assert answer.attempts[0].text == "half", "what the first try brought was paid for, and is kept"
    assert answer.usage.unmeasured_requests >= 1, "nobody knows what the broken answer cost"
    assert answer.cost_usd is None


@pytest.mark.parametrize(
    "reply",
    [
        Garbled(b'{"oops": '),
        Garbled(b"<html>Bad gateway</html>", "text/html"),
        Garbled(b"\xff\xfe\x00", "application/octet-stream"),
        Garbled(b'data: [1, 2]\n\ndata: {"choices": {"a": 1}, "type": 7}\n\n', "text/event-stream"),
        Garbled(b"null"),
        Garbled(b""),
    ],
    ids=["torn", "html", "binary", "other-shape", "null", "nothing"],
)
def test_a_reply_that_is_none_is_a_fault_of_the_provider(ask: Asking, reply: Garbled) -> None:
    ask.stub.script(*[reply] * ATTEMPTS)
    with pytest.raises((ProviderUnavailableError, TruncatedAnswerError)) as caught:
        ask()
    assert caught.value.retryable


def test_a_frame_that_is_no_json_breaks_the_answer_and_keeps_its_text(ask: Asking) -> None:
    ask.stub.script(*[Say("half", ending="garbled")] * ATTEMPTS)
    with pytest.raises((ProviderUnavailableError, TruncatedAnswerError)) as caught:
        ask()
    assert caught.value.partial_text == "half"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_retried_by_us_alone(ask: Asking, status: int) -> None:
    """The OpenAI and Anthropic clients would try three times for each of ours."""
    failure(ask, *[server_error(status)] * ATTEMPTS, expected=ProviderUnavailableError)
    assert len(ask.stub.requests) == ATTEMPTS
    assert len(ask.slept_s) == ATTEMPTS - 1


def test_an_overloaded_model_is_asked_again(ask: Asking) -> None:
    ask.stub.script(overloaded(), overloaded(in_stream=True), Say("ok"))
    assert ask().text == "ok"


def test_nobody_listening_is_unavailable(ask: Asking) -> None:
    # Port 9 (discard) is not served on any machine that runs tests; a refused connection answers at once.
    with pytest.raises(ProviderUnavailableError) as caught:
        ask(base_url="http://127.0.0.1:9/v1")
    assert caught.value.retryable
    assert len(ask.slept_s) == ATTEMPTS - 1


# --- what the provider refuses ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (unauthorized(), AuthenticationError),
        (quota_exhausted(), QuotaError),
        (context_too_long(), ContextWindowError),
        (shut_down(), ModelNotFoundError),
    ],
    ids=["unauthorized", "quota", "context", "shut-down"],
)
def test_a_refusal_is_told_at_once_and_never_retried(ask: Asking, fault: Fault, expected: type[ProviderError]) -> None:
    error = failure(ask, fault, expected=expected)
    assert not error.retryable
    assert error.hint
    assert len(ask.stub.requests) == 1
    assert ask.slept_s == []


def test_a_rate_limit_is_waited_out_for_as_long_as_the_provider_asks(ask: Asking) -> None:
    ask.stub.script(rate_limited(retry_after_s=7), Say("ok"))
    assert ask(within_s=60).text == "ok"
    (waited,) = ask.slept_s
    assert 7 <= waited < 8
    assert [event for event in ask.events if isinstance(event, Waiting)] == [Waiting(waited, "provider_rate_limited")]


def test_a_wait_beyond_the_deadline_is_not_begun(ask: Asking) -> None:
    started_s = time.monotonic()
    error = failure(ask, rate_limited(retry_after_s=30), expected=RateLimitedError, within_s=5.0)
    assert (error.retry_after_s, error.retryable) == (30.0, True)
    assert ask.slept_s == []
    assert time.monotonic() - started_s < 4


def test_a_key_shows_in_no_error_no_log_and_no_event(ask: Asking, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    ask.stub.script(unauthorized())
    client = ask.client()
    with pytest.raises(AuthenticationError) as caught:
        ask(client=client)
    error = caught.value
    assert ask.stub.requests[0].headers
    assert KEY in str(ask.stub.requests[0].headers), "the key does reach the endpoint"
    shown = f"{error.message} {error.hint} {error.attempts} {ask.events} {client.__dict__} {caplog.text}"
    assert KEY not in shown
    assert "[key]" in error.message, "this endpoint repeats the key in its message"


# --- a deadline goes all the way down; giving up stops the request -------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_a_model_that_stalls_costs_no_more_than_the_deadline(ask: Asking, stream: bool) -> None:
    ask.stub.script(Say("half", ending="stall"))
    started_s = time.monotonic()
    with pytest.raises(DeadlineError) as caught:
        ask(within_s=0.6, stream=stream)
    assert time.monotonic() - started_s < 2.0
    assert caught.value.partial_text == ("half" if stream else "")
    assert ask.stub.requests[0].abandoned.wait(2), "the request is stopped at the provider's end too"
    assert [a.error for a in caught.value.attempts] == ["deadline"]


def test_cancelling_stops_the_request_on_the_wire_and_tells_what_had_arrived(ask: Asking) -> None:
    ask.stub.script(Say("half", ending="stall"))

    async def give_up() -> None:
        arrived = asyncio.Event()
        text: list[str] = []

        def on_event(event: object) -> None:
            ask.events.append(event)  # type: ignore[arg-type]
            if isinstance(event, TextArrived):
                text.append(event.text)
                if "".join(text) == "half":
                    arrived.set()

        asking = asyncio.create_task(ask.client().ask("deep", text_request(), Deadline.after(15), on_event))
        await asyncio.wait_for(arrived.wait(), 10)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert await asyncio.to_thread(ask.stub.requests[0].abandoned.wait, 2)

    asyncio.run(give_up())
    (attempt,) = [event for event in ask.events if isinstance(event, Attempt)]
    assert (attempt.error, attempt.text) == ("cancelled", "half")


def test_a_silent_connection_counts_as_broken_after_a_while_and_is_tried_again(ask: Asking) -> None:
    ask.stub.script(Say("half", ending="stall"), Say("whole"))
    client = ask.client(policy=ask.policy(stall_s=0.4))
    answer = ask(client=client)
    assert answer.text == "whole"
    assert [attempt.error for attempt in answer.attempts] == ["provider_unavailable", None]
    assert answer.attempts[0].text == "half"


def test_nothing_is_left_behind_when_a_question_is_over(ask: Asking) -> None:
    ask.stub.script(Say("ok"), Say("half", ending="stall"))
    ask()
    before = set(threading.enumerate())
    with pytest.raises(DeadlineError):
        ask(within_s=0.4)
    assert set(threading.enumerate()) <= before


# --- failover -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        shut_down(),
        quota_exhausted(),
        unauthorized(),
        context_too_long(),
        rate_limited(retry_after_s=3600),
        Say("half", finish="content_filter"),
        Say("half", finish="length"),
    ],
    ids=["shut-down", "quota", "unauthorized", "context", "long-wait", "filter", "length"],
)
def test_the_next_model_is_asked_when_one_gives_no_answer(ask: Asking, fault: Step) -> None:
    first, second = card(ask.stub, ask.wire, "first", fallbacks=("second",)), card(ask.stub, ask.wire, "second")
    ask.stub.script(fault, model="first")
    ask.stub.script(Say("from the second"), model="second")
    answer = ask(client=ask.client(first, second), models="first")
    assert (answer.text, answer.model, answer.resolved) == ("from the second", "second", "second-2026-11")
    assert [attempt.model for attempt in answer.attempts] == ["first", "second"]
    (event,) = [event for event in ask.events if isinstance(event, FailedOver)]
    assert (event.from_model, event.to_model, event.error) == ("first", "second", answer.attempts[0].error)


def test_a_truncated_stream_goes_to_the_next_model_after_its_retries(ask: Asking) -> None:
    """A library's fallback by looking at the response is ignored when streaming; ours is not."""
    first, second = card(ask.stub, ask.wire, "first"), card(ask.stub, ask.wire, "second")
    ask.stub.script(*[Say("half", ending="truncated")] * ATTEMPTS, model="first")
    ask.stub.script(Say("whole"), model="second")
    answer = ask(client=ask.client(first, second), models=["first", "second"])
    assert (answer.text, len(answer.attempts)) == ("whole", ATTEMPTS + 1)


def test_another_vendor_goes_on_where_one_failed_in_the_middle_of_its_tools(stub: Stub) -> None:
    ask = Asking(stub, "anthropic")
    author, other = card(stub, "anthropic", "author"), card(stub, "gemini", "other")
    ran: list[str] = []

    def run(query: object) -> str:
        ran.append("once")
        return "3 rows"

    stub.script(CallTool("query", {"sql": "SELECT 1"}), quota_exhausted(), model="author")
    stub.script(Typed({"cause": "lock", "confidence": 0.5}), model="other")
    request = text_request(answer=Verdict, tools=(query_tool(run),))
    answer = ask(request, client=ask.client(author, other), models=["author", "other"])
    assert (answer.value, answer.model, ran) == (Verdict("lock", 0.5), "other", ["once"])
    assert "3 rows" in stub.requests[-1].texts, "what the first model found out is not asked for again"


def test_when_all_fail_the_longest_text_that_any_wrote_is_kept(ask: Asking) -> None:
    first, second = card(ask.stub, ask.wire, "first"), card(ask.stub, ask.wire, "second")
    ask.stub.script(Say("a long half of an answer", finish="length"), model="first")
    ask.stub.script(unauthorized(), model="second")
    with pytest.raises(AuthenticationError) as caught:
        ask(client=ask.client(first, second), models=["first", "second"])
    assert caught.value.partial_text == "a long half of an answer"
    assert [attempt.error for attempt in caught.value.attempts] == ["answer_truncated", "provider_authentication"]


# --- answers of the wrong type ------------------------------------------------------------------------------------


def test_a_malformed_answer_is_repaired_once(ask: Asking) -> None:
    ask.stub.script(Typed({"cause": "lock", "confidence": 7}), Typed({"cause": "lock", "confidence": 0.7}))
    answer = ask(text_request(answer=Verdict))
    assert (answer.value, answer.repaired, answer.steps) == (Verdict("lock", 0.7), True, 2)
    asked_again = " ".join(ask.stub.requests[1].texts)
    assert "confidence" in asked_again
    assert "less than or equal to 1" in asked_again, "it is told what was wrong"


def test_an_answer_that_is_malformed_twice_is_an_error_that_keeps_its_text(ask: Asking) -> None:
    ask.stub.script(Typed({"cause": "lock"}), Typed({"cause": "the lock"}))
    with pytest.raises(MalformedAnswerError) as caught:
        ask(text_request(answer=Verdict))
    assert "the lock" in caught.value.partial_text
    assert caught.value.partial_value == {"cause": "the lock"}
    assert "confidence" in caught.value.message
    assert len(ask.stub.requests) == 2
    assert [a.error for a in caught.value.attempts] == [None, None], "both were paid for, and are counted"
    assert [m.role for m in caught.value.messages][:2] == ["user", "model"]


def test_arguments_that_are_no_json_are_told_to_the_model(ask: Asking) -> None:
    if ask.wire in ("gemini", "anthropic"):
        wrong: object = {"sequel": 1}  # here arguments are an object on the wire, and cannot be torn
    else:
        wrong = '{"sql": "SEL'
    ask.stub.script(CallTool("query", wrong), CallTool("query", {"sql": "SELECT 1"}), Say("done"))  # type: ignore[arg-type]
    answer = ask(text_request(tools=(query_tool(),)))
    assert answer.text == "done"
    assert any("do not fit" in text for text in ask.stub.requests[1].texts)


def test_every_failure_is_an_error_of_our_tree_with_a_code(ask: Asking) -> None:
    """A failure of the API is never a finding, a cause or an answer."""
    for fault in (unauthorized(), quota_exhausted(), context_too_long(), shut_down()):
        ask.stub.script(fault)
        with pytest.raises(DeepCodeReasoningError) as caught:
            ask()
        assert caught.value.code not in ("", "internal", "provider")
        assert isinstance(caught.value.retryable, bool)
