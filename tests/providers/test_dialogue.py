"""The loop around one question: tools, the typed answer, its repair, the limit of steps. With a scripted model."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from pydantic import BaseModel

from deep_code_reasoning.domain.asking import (
    Asker,
    Message,
    ModelAnswer,
    ModelRequest,
    OnEvent,
    Passage,
    Tool,
    message_from_json,
)
from deep_code_reasoning.domain.deadline import Deadline
from deep_code_reasoning.errors import (
    DeadlineError,
    MalformedAnswerError,
    ProviderUnavailableError,
    QueryError,
    StepLimitError,
    UsageError,
)
from deep_code_reasoning.providers.fake import Answers, Calls, Fails, FakeModel, Says, fake_client
from deep_code_reasoning.providers.typed import Reader, Unreadable, json_part, partial_value

from .conftest import Query, Verdict, query_tool, text_request


def ask(request: ModelRequest, *script: Any, deadline: Deadline | None = None) -> tuple[ModelAnswer, FakeModel]:
    client, fake = fake_client(*script)
    return asyncio.run(client.ask("fake", request, deadline)), fake


def test_steps_are_bounded_and_the_last_one_has_to_answer() -> None:
    request = text_request(tools=(query_tool(),), max_steps=3)
    answer, fake = ask(request, Calls("query", {"sql": "A"}), Calls("query", {"sql": "B"}), Says("that is it"))
    assert (answer.text, answer.steps) == ("that is it", 3)
    assert [exchange.must_answer for exchange in fake.seen] == [False, False, True]
    assert "last step" in fake.seen[2].messages[-1].text


def test_one_step_is_an_answer_without_tools() -> None:
    answer, fake = ask(text_request(tools=(query_tool(),), max_steps=1), Says("ok"))
    assert answer.text == "ok"
    assert fake.seen[0].must_answer
    assert len(fake.seen[0].messages) == 1
    assert fake.seen[0].tools, "they stay declared: the history may speak of them"


def test_a_model_that_never_stops_calling_tools_is_an_error_that_keeps_all_it_said() -> None:
    with pytest.raises(StepLimitError) as caught:
        ask(text_request(tools=(query_tool(),), max_steps=2), *[Calls("query", {"sql": "A"})] * 2)
    assert [message.role for message in caught.value.messages] == ["user", "model", "tools", "user", "model"]
    assert len(caught.value.attempts) == 2


def test_a_repair_does_not_count_against_the_steps() -> None:
    request = text_request(answer=Verdict, max_steps=1)
    answer, _ = ask(request, Answers({"cause": 1}), Answers({"cause": "lock", "confidence": 1}))
    assert (answer.value, answer.repaired) == (Verdict("lock", 1), True)


def test_what_was_said_before_a_failure_is_kept() -> None:
    script = [Calls("query", {"sql": "A"}), Fails(ProviderUnavailableError("gone", retryable=False), "half")]
    with pytest.raises(ProviderUnavailableError) as caught:
        ask(text_request(tools=(query_tool(),)), *script)
    assert caught.value.partial_text == "half"
    assert caught.value.messages[2].results[0].content == "rows of A"


def test_a_refusal_of_a_tool_is_told_to_the_model() -> None:
    def run(query: Query) -> str:
        raise QueryError("only SELECT is allowed", "write a SELECT")

    request = text_request(tools=(query_tool(run),))
    _, fake = ask(request, Calls("query", {"sql": "DROP"}), Says("sorry"))
    result = fake.seen[1].messages[-1].results[0]
    assert (result.failed, result.content) == (True, "only SELECT is allowed (write a SELECT)")


def test_a_fault_of_ours_in_a_tool_is_not_hidden_from_us() -> None:
    def run(query: Query) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ask(text_request(tools=(query_tool(run),)), Calls("query", {"sql": "A"}))


def test_an_unknown_tool_and_arguments_that_do_not_fit_are_told_to_the_model() -> None:
    request = text_request(tools=(query_tool(),))
    _, fake = ask(request, Calls("rm", {}), Calls("query", {"sql": 5}), Calls("query", "{"), Says("done"))
    told = [exchange.messages[-1].results[0] for exchange in fake.seen[1:]]
    assert [result.failed for result in told] == [True, True, True]
    assert "no tool 'rm'" in told[0].content
    assert "sql" in told[1].content


def test_tools_may_be_asynchronous_and_plain_ones_do_not_block_the_loop() -> None:
    async def waiting(query: Query) -> str:
        await asyncio.sleep(0)
        return "awaited"

    def blocking(query: Query) -> str:
        time.sleep(0.2)
        return "blocked"

    tools = (
        Tool("awaits", "Awaits.", Query, waiting),
        Tool("blocks", "Blocks.", Query, blocking),
    )
    client, fake = fake_client(Calls("awaits", {"sql": ""}), Calls("blocks", {"sql": ""}), Says("done"))

    async def beside() -> int:
        asking = asyncio.create_task(client.ask("fake", text_request(tools=tools)))
        turns = 0
        while not asking.done():
            await asyncio.sleep(0.01)
            turns += 1
        await asking
        return turns

    assert asyncio.run(beside()) > 5
    assert [exchange.messages[-1].results[0].content for exchange in fake.seen[1:]] == ["awaited", "blocked"]


def test_a_tool_that_takes_too_long_ends_with_the_deadline() -> None:
    async def run(query: Query) -> str:
        await asyncio.sleep(30)
        return ""

    started_s = time.monotonic()
    with pytest.raises(DeadlineError, match="query"):
        ask(text_request(tools=(query_tool(run),)), Calls("query", {"sql": "A"}), deadline=Deadline.after(0.2))
    assert time.monotonic() - started_s < 2


def test_two_tools_of_one_name_are_a_mistake_of_the_caller() -> None:
    with pytest.raises(UsageError, match="same name"):
        ask(text_request(tools=(query_tool(), query_tool())))


def test_a_typed_answer_in_plain_text_is_read_too() -> None:
    text = 'Here it is:\n```json\n{"cause": "lock", "confidence": 0.5}\n```\nGood luck!'
    answer, _ = ask(text_request(answer=Verdict), Says(text))
    assert answer.value == Verdict("lock", 0.5)
    assert answer.text == text, "the text is kept as it came"


def test_a_typed_answer_leaves_a_history_that_vendors_accept() -> None:
    """Each call of a tool has its result, also the one that is the answer, and those beside it that were not run."""
    answer, _ = ask(text_request(answer=Verdict), Answers({"cause": "lock", "confidence": 0.5}))
    assert [message.role for message in answer.messages] == ["user", "model", "tools"]


def test_an_answer_cut_in_the_middle_is_read_as_far_as_it_goes() -> None:
    with pytest.raises(MalformedAnswerError) as caught:
        ask(text_request(answer=Verdict), Answers("nonsense"), Answers('{"cause": "the lo'))
    assert caught.value.partial_text == '{"cause": "the lo'
    assert caught.value.partial_value == {"cause": "the lo"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('  {"a": 1} and so on', '{"a": 1}'),
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ("```\n[1]\n```", "[1]"),
        ('Sure! {"a": {"b": "}"}} Done.', '{"a": {"b": "}"}}'),
        ('{"a": ', '{"a":'),
        ("no json here", "no json here"),
        ("", ""),
    ],
)
def test_the_json_in_a_text_is_found(text: str, part: str) -> None:
    assert json_part(text) == part


def test_what_cannot_be_read_in_part_is_none() -> None:
    assert partial_value("no json") is None
    assert partial_value('{"a": [1, 2') == {"a": [1, 2]}


class Nested(BaseModel):
    """A pydantic model."""

    causes: list[Verdict]


@dataclass
class Plain:
    """A dataclass."""

    names: dict[str, int]


@pytest.mark.parametrize(
    ("type_", "text"),
    [(Nested, '{"causes": [{"cause": "a", "confidence": 1}]}'), (Plain, '{"names": {"a": 1}}'), (list[int], "[1]")],
)
def test_any_type_that_pydantic_reads_can_be_asked_for(type_: Any, text: str) -> None:
    reader = Reader(type_)
    assert reader.read(text) is not None
    assert json.dumps(reader.spec().schema)
    assert reader.spec().name
    with pytest.raises(Unreadable):
        reader.read("{}" if type_ is not Plain else "[]")


def test_wrappers_compose_around_whoever_is_asked() -> None:
    """As budget, ledger and redaction do: each holds an asker and is one; none of them needs to know the others."""

    class Redacting:
        def __init__(self, inner: Asker, secret: str) -> None:
            self._inner, self._secret = inner, secret

        def clean(self, text: str) -> str:
            return text.replace(self._secret, "[redacted]")

        async def ask(
            self,
            models: str | Sequence[str],
            request: ModelRequest,
            deadline: Deadline | None = None,
            on_event: OnEvent | None = None,
        ) -> ModelAnswer:
            prompt = tuple(replace(passage, text=self.clean(passage.text)) for passage in request.prompt)
            tools = tuple(self.cleaned(tool) for tool in request.tools)
            return await self._inner.ask(models, replace(request, prompt=prompt, tools=tools), deadline, on_event)

        def cleaned(self, tool: Tool) -> Tool:
            run: Any = tool.run
            return replace(tool, run=lambda arguments: self.clean(run(arguments)))

    client, fake = fake_client(Calls("query", {"sql": "A"}), Says("ok"))
    asker: Asker = Redacting(Redacting(client, "hunter2"), "swordfish")
    tool = query_tool(lambda query: "rows with hunter2")
    asyncio.run(asker.ask("fake", text_request("the password is swordfish", tools=(tool,))))
    sent = str(fake.seen)
    assert "swordfish" not in sent
    assert "hunter2" not in sent
    assert sent.count("[redacted]") >= 2


def test_messages_survive_being_written_and_read() -> None:
    answer, _ = ask(
        text_request(answer=Verdict, tools=(query_tool(),)),
        Calls("query", {"sql": "A\u2028\x00🦀"}),
        Answers({"cause": "lock", "confidence": 0.5}),
    )
    written = json.dumps([message.as_json() for message in answer.messages])
    assert tuple(message_from_json(entry) for entry in json.loads(written)) == answer.messages


def test_a_marked_passage_keeps_its_mark_when_written() -> None:
    message = Message("user", (Passage("pack", cache_after=True), Passage("why?")))
    assert message_from_json(message.as_json()) == message
    assert message.text == "packwhy?"
