"""What arrives at a model and comes back from it, over each of the four wires."""

from __future__ import annotations

import asyncio
import json

import pytest

from deep_code_reasoning.domain.asking import (
    Attempt,
    CodeRun,
    ModelRequest,
    Passage,
    TextArrived,
    ToolUsed,
    message_from_json,
)
from deep_code_reasoning.domain.usage import Usage
from wire.cards import KEY, card
from wire.script import CallTool, Say, Tokens, Typed
from wire.server import Stub

from .conftest import Asking, Query, Verdict, query_tool, text_request


def test_a_question_is_answered_and_the_answer_says_who_gave_it(ask: Asking) -> None:
    ask.stub.script(Say("The lease expires before its renewal."))
    answer = ask("Why do payments fail?")
    assert answer.text == "The lease expires before its renewal."
    assert (answer.model, answer.resolved, answer.finish_reason) == ("deep", "deep-2026-11", "stop")
    assert "Why do payments fail?" in ask.stub.requests[0].texts
    assert "".join(event.text for event in ask.events if isinstance(event, TextArrived)) == answer.text


def test_an_endpoint_that_does_not_stream_is_asked_for_the_whole(ask: Asking) -> None:
    ask.stub.script(Say("whole"))
    assert ask(stream=False).text == "whole"
    assert ask.stub.requests[0].wanted.stream is False


def test_instructions_stand_apart_from_what_the_user_says(ask: Asking) -> None:
    ask.stub.script(Say("ok"))
    ask(text_request("evidence", instructions="You are a specialist."))
    body = ask.stub.requests[0].body
    standing = body.get("systemInstruction") or body.get("system") or body.get("instructions") or body["messages"][0]
    assert "You are a specialist." in json.dumps(standing)
    assert "evidence" not in json.dumps(standing)


def test_usage_is_reported_as_billed_with_cached_and_reasoning_tokens(ask: Asking) -> None:
    ask.stub.script(Say("x", usage=Tokens(input=1000, output=50, cached=300, reasoning=20)))
    # Anthropic does not say how much of the output was reasoning.
    reasoning = 0 if ask.wire == "anthropic" else 20
    assert ask().usage == Usage(1000, 50, cached_tokens=300, reasoning_tokens=reasoning, cache_write_tokens=0)


def test_usage_that_is_not_reported_is_unknown_and_not_zero(ask: Asking) -> None:
    ask.stub.script(Say("x", usage=None))
    answer = ask()
    assert answer.usage == Usage(unmeasured_requests=1)
    assert answer.cost_usd is None


def test_tools_are_called_with_their_types_and_their_results_go_back(ask: Asking) -> None:
    asked: list[Query] = []

    def run(query: Query) -> str:
        asked.append(query)
        return "3 rows"

    ask.stub.script(CallTool("query", {"sql": "SELECT 1"}, saying="Let me look."), Say("It is the lock."))
    answer = ask(text_request(tools=(query_tool(run),)))
    assert answer.text == "It is the lock."
    assert asked == [Query("SELECT 1")]
    assert "3 rows" in ask.stub.requests[1].texts
    assert [m.role for m in answer.messages] == ["user", "model", "tools", "model"]
    used = next(event for event in ask.events if isinstance(event, ToolUsed))
    assert (used.name, json.loads(used.arguments), used.result_chars, used.failed) == (
        "query",
        {"sql": "SELECT 1"},
        6,
        False,
    )
    assert answer.usage.input_tokens == 200, "both requests are counted"


def test_several_calls_at_once_are_all_answered(ask: Asking) -> None:
    ask.stub.script(CallTool("query", {"sql": "A"}, more=(("query", {"sql": "B"}),)), Say("done"))
    ask(text_request(tools=(query_tool(),)))
    assert {"rows of A", "rows of B"} <= set(ask.stub.requests[1].texts)


def test_a_typed_answer_arrives_in_its_type(ask: Asking) -> None:
    ask.stub.script(Typed({"cause": "clock skew", "confidence": 0.9}))
    answer = ask(text_request(answer=Verdict))
    assert answer.value == Verdict("clock skew", 0.9)
    assert json.loads(answer.text) == {"cause": "clock skew", "confidence": 0.9}
    assert not answer.repaired


@pytest.mark.parametrize("mode", ["tool", "native", "prompted"])
def test_a_typed_answer_can_be_asked_for_in_each_way_the_catalogue_names(ask: Asking, mode: str) -> None:
    if mode == "native" and ask.wire == "anthropic":
        pytest.skip("the client library offers it for the Anthropic models that it knows to have it")
    ask.stub.script(Typed({"cause": "lock", "confidence": 0.5}))
    answer = ask(text_request(answer=Verdict), answer_mode=mode)
    assert answer.value == Verdict("lock", 0.5)
    wanted = ask.stub.requests[0].wanted
    assert (wanted.tools == ("final_answer",)) == (mode == "tool")
    if mode == "native":
        assert wanted.json_text


def test_tools_and_a_typed_answer_go_together(ask: Asking) -> None:
    ask.stub.script(CallTool("query", {"sql": "SELECT 1"}), Typed({"cause": "lock", "confidence": 0.5}))
    answer = ask(text_request(answer=Verdict, tools=(query_tool(),)))
    assert (answer.value, answer.steps) == (Verdict("lock", 0.5), 2)


def test_a_conversation_goes_on_after_a_restart_with_all_that_was_said(ask: Asking) -> None:
    ask.stub.script(CallTool("query", {"sql": "SELECT 1"}), Typed({"cause": "lock", "confidence": 0.5}), Say("Yes."))
    tools = (query_tool(),)
    first = ask(text_request("First question", tools=tools, answer=Verdict))
    stored = json.dumps([message.as_json() for message in first.messages])

    history = tuple(message_from_json(entry) for entry in json.loads(stored))
    second = ask(text_request("Are you sure?", history=history, tools=tools))

    assert second.text == "Yes."
    texts = ask.stub.requests[-1].texts
    assert texts.index("First question") < texts.index("rows of SELECT 1") < texts.index("Are you sure?")
    assert "clock" not in "".join(texts)


def test_a_conversation_goes_on_with_another_vendor(stub: Stub) -> None:
    ask = Asking(stub, "anthropic")
    there, here = card(stub, "anthropic", "author"), card(stub, "gemini", "judge")
    stub.script(CallTool("query", {"sql": "SELECT 1"}), Say("The lock."), Say("I agree."))
    tools = (query_tool(),)
    first = ask(text_request(tools=tools), client=ask.client(there), models="author")
    second = ask(
        text_request("Judge this.", history=first.messages, tools=tools), client=ask.client(here), models="judge"
    )
    assert second.text == "I agree."
    assert "rows of SELECT 1" in stub.requests[-1].texts


def test_a_message_whose_native_form_is_gone_is_told_in_plain_words(ask: Asking) -> None:
    ask.stub.script(CallTool("query", {"sql": "SELECT 1"}, saying="Looking."), Say("The lock."), Say("Yes."))
    tools = (query_tool(),)
    first = ask(text_request(tools=tools))
    for native in (None, {"kind": "of another version"}):
        ask.stub.script(Say("Yes."))
        plain = tuple(message_from_json(m.as_json() | {"native": native}) for m in first.messages)
        ask(text_request("Sure?", history=plain, tools=tools))
        texts = ask.stub.requests[-1].texts
        assert [text for text in texts if text in ("Looking.", "rows of SELECT 1", "The lock.", "Sure?")] == [
            "Looking.",
            "rows of SELECT 1",
            "The lock.",
            "Sure?",
        ]
    ask.stub.reset()


def test_a_typed_answer_is_told_again_also_when_its_native_form_is_gone(ask: Asking) -> None:
    ask.stub.script(Typed({"cause": "the lock", "confidence": 0.5}), Say("Yes."))
    first = ask(text_request(answer=Verdict))
    plain = tuple(message_from_json(m.as_json() | {"native": None}) for m in first.messages)
    assert any("the lock" in text for message in plain for text in message.texts), "and it is counted"
    ask(text_request("Sure?", history=plain))
    assert "the lock" in json.dumps(ask.stub.requests[-1].body)


def test_the_stable_beginning_of_a_prompt_is_the_same_bytes_in_every_turn(ask: Asking) -> None:
    pack = Passage("EVIDENCE\n" * 50, cache_after=True)
    ask.stub.script(Say("one"), Say("two"))
    first = ask(ModelRequest((pack, Passage("First?")), instructions="Rules."))
    ask(ModelRequest((Passage("Second?"),), instructions="Rules.", history=first.messages))
    one, two = (json.dumps(seen.body.get("messages") or seen.body.get("input") or seen.body["contents"])
                for seen in ask.stub.requests)  # fmt: skip
    assert two[: one.index("First?")] == one[: one.index("First?")]


def test_the_anthropic_wire_is_told_up_to_where_to_cache(stub: Stub) -> None:
    stub.script(Say("ok"))
    Asking(stub, "anthropic")(ModelRequest((Passage("PACK", cache_after=True), Passage("Why?"))))
    pack, question = stub.requests[0].body["messages"][0]["content"]
    assert (pack["text"], "cache_control" in pack) == ("PACK", True)
    assert (question["text"], "cache_control" in question) == ("Why?", False)


def test_other_wires_get_the_same_text_without_marks_and_in_one_piece(stub: Stub) -> None:
    stub.script(Say("ok"))
    Asking(stub, "openai-chat")(ModelRequest((Passage("PACK", cache_after=True), Passage("Why?"))))
    assert stub.requests[0].body["messages"] == [{"role": "user", "content": "PACKWhy?"}]


def test_openai_is_told_not_to_keep_what_is_sent(stub: Stub) -> None:
    for wire in ("openai-responses", "openai-chat"):
        stub.script(Say("ok"))
        Asking(stub, wire)()
        assert stub.requests[-1].body["store"] is False


def test_limits_effort_and_temperature_reach_the_model(ask: Asking) -> None:
    ask.stub.script(Say("ok"))
    ask(text_request(max_output_tokens=777, temperature=0.2), max_output_tokens=5000)
    sent = json.dumps(ask.stub.requests[0].body)
    assert "777" in sent
    assert "5000" not in sent, "the smaller limit holds"
    assert "0.2" in sent


def test_further_settings_of_the_catalogue_are_passed_on(ask_chat: Asking) -> None:
    ask_chat.stub.script(Say("ok"))
    ask_chat(settings={"extra_body": {"cache_prompt": True}, "top_p": 0.5})
    body = ask_chat.stub.requests[0].body
    assert (body["cache_prompt"], body["top_p"]) == (True, 0.5)


# How each wire asks for code that runs at the provider; OpenAI's chat format has no way to.
RUNNERS = {"gemini": "codeExecution", "openai-responses": "code_interpreter", "anthropic": "code_execution_20"}


def asks_for_code(ask: Asking) -> bool:
    return any(runner in json.dumps(ask.stub.requests[-1].body.get("tools", [])) for runner in RUNNERS.values())


@pytest.mark.parametrize("with_tools", [True, False])
def test_code_runs_at_the_provider_where_the_card_and_the_wire_have_it(ask: Asking, with_tools: bool) -> None:
    request = text_request(run_code=True, tools=(query_tool(),) if with_tools else ())
    can = ask.wire in RUNNERS
    ask.stub.script(Say("It is 42.", ran=("print(6 * 7)", "42\n") if can else None))
    answer = ask(request, abilities=("code_execution",))
    assert answer.text.strip() == "It is 42."
    assert answer.code_runs == ((CodeRun("print(6 * 7)", "42\n"),) if can else ())
    assert asks_for_code(ask) == can
    assert ("query" in ask.stub.requests[-1].wanted.tools) == with_tools


def test_code_is_not_run_at_a_provider_whose_card_does_not_say_that_it_can(ask: Asking) -> None:
    ask.stub.script(Say("ok"))
    ask(text_request(run_code=True), abilities=("long_context",))
    assert not asks_for_code(ask)


def test_an_older_gemini_is_not_asked_for_code_beside_other_tools(stub: Stub) -> None:
    ask = Asking(stub, "gemini")
    older = card(stub, "gemini", "gemini-2.5-pro", abilities=("code_execution",))
    for tools in ((query_tool(),), ()):
        stub.script(Say("ok"))
        ask(text_request(run_code=True, tools=tools), client=ask.client(older), models="gemini-2.5-pro")
        assert asks_for_code(ask) == (not tools)


def test_a_paused_reply_is_asked_to_go_on_and_is_one_answer(stub: Stub) -> None:
    ask = Asking(stub, "anthropic")
    stub.script(Say("First half, ", finish="pause"), Say("second half."))
    answer = ask()
    assert (answer.text, answer.steps) == ("First half, second half.", 2)


def test_the_gemini_wire_is_found_at_both_of_its_versions(stub: Stub) -> None:
    from google import genai
    from google.genai.types import HttpOptions

    for version in ("v1", "v1beta"):
        stub.script(Say(f"from {version}"))
        options = HttpOptions(base_url=stub.url, api_version=version)
        client = genai.Client(vertexai=False, api_key=KEY, http_options=options)
        assert client.models.generate_content(model="deep", contents="why?").text == f"from {version}"
        assert stub.requests[-1].path.startswith(f"/{version}/")
        client.close()


def test_tokens_are_counted_by_the_provider_where_it_can_and_estimated_where_not(ask: Asking) -> None:
    request = text_request("span " * 100)
    count = asyncio.run(ask.client().count_tokens("deep", request))
    if ask.wire == "openai-chat":
        assert not count.exact
        assert count.method.startswith("estimate")
        assert 90 <= count.tokens <= 110
    else:
        assert (count.tokens, count.exact) == (ask.stub.tokens, True)
    assert ask.stub.requests == [], "counting is free"


def test_counting_on_gemini_says_that_instructions_and_tools_are_estimated(stub: Stub) -> None:
    ask = Asking(stub, "gemini")
    request = text_request("span", instructions="Be brief. " * 20, tools=(query_tool(),))
    count = asyncio.run(ask.client().count_tokens("deep", request))
    assert not count.exact
    assert count.tokens > stub.tokens
    assert "estimated" in count.method


def test_every_attempt_is_reported_with_its_figures(ask: Asking) -> None:
    ask.stub.script(Say("ok", usage=Tokens(10, 5)))
    answer = ask()
    (attempt,) = [event for event in ask.events if isinstance(event, Attempt)]
    assert answer.attempts == (attempt,)
    assert (attempt.model, attempt.resolved, attempt.text, attempt.error) == ("deep", "deep-2026-11", "ok", None)
    assert attempt.usage.input_tokens == 10
    assert 0 < attempt.duration_s <= answer.duration_s
