"""What goes into a pack, and the account of what does not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from deep_code_reasoning.app.pack import PackRequest, pack_case
from deep_code_reasoning.domain.pack import Pack, Scope
from deep_code_reasoning.domain.tokens import ESTIMATE_METHOD, estimate_tokens
from deep_code_reasoning.domain.window import Window
from deep_code_reasoning.errors import EmptyPackError
from deep_code_reasoning.packing.pack import VIEWS, pack
from deep_code_reasoning.packing.shares import KINDS, SHARES
from deep_code_reasoning.packing.subject import ANALYSIS_TYPES
from deep_code_reasoning.store.resolve import resolve
from scenery import START_NS, Row, System

from .conftest import CULPRIT, Packable


def packed(shop: Packable, budget: int = 8_000, **asked: Any) -> Pack:
    with shop.subject(**asked) as subject:
        return pack(subject, budget)


def keys(result: Pack, *states: str) -> list[str]:
    return [entry.key for entry in result.manifest if entry.state in states]


@pytest.mark.parametrize("budget", [300, 1_000, 3_000, 8_000, 32_000, 200_000])
def test_a_pack_stays_within_its_budget(shop: Packable, budget: int) -> None:
    result = packed(shop, budget)
    assert estimate_tokens(result.text) == result.tokens <= budget
    assert result.counted == ESTIMATE_METHOD


def test_with_room_for_all_everything_is_sent(shop: Packable) -> None:
    result = packed(shop, 200_000)
    assert not result.is_partial
    assert {entry.key.partition("/")[0] for entry in result.manifest} >= {"cause", "finding", "timeline", "graph"}
    assert {"metric", "log", "trace", "commit"} <= {entry.key.partition("/")[0] for entry in result.manifest}
    assert result.size.dropped.tokens == 0


def test_the_manifest_accounts_for_what_was_shortened_and_dropped(shop: Packable) -> None:
    result = packed(shop, 1_500)
    assert result.is_partial
    assert all(entry.reason for entry in result.manifest if entry.state != "sent")
    assert all(entry.sent_tokens == 0 for entry in result.manifest if entry.state == "dropped")
    offered = sum(entry.offered_tokens for entry in result.manifest)
    assert result.size.offered.tokens == offered
    assert result.size.sent.size_bytes == len(result.text.encode())


def test_causes_come_first_however_small_the_budget(shop: Packable) -> None:
    result = packed(shop, 700)
    assert "cause/1" in keys(result, "sent", "shortened")
    assert result.text.index('kind="cause"') < result.text.index("stock")


def test_what_a_view_cites_resolves_to_rows_of_the_case(shop: Packable) -> None:
    with shop.subject() as subject:
        for view in VIEWS[1:]:  # findings cite what their detectors cite
            cited = {c for draft in view.drafts(subject) for line in draft.lines for c in line.citations}
            assert all(resolve(subject.store, citation) for citation in cited)


def test_a_pack_cites_what_it_shows_and_no_more(shop: Packable) -> None:
    result = packed(shop, 2_000)
    spans = {citation.ref.rpartition("/")[2] for citation in result.citations if citation.kind == "span"}
    assert spans
    assert all(f"({span})" in result.text or f"/{span}" in result.text for span in spans)
    whole = packed(shop, 200_000)
    assert set(result.citations) < set(whole.citations)


def test_the_same_case_gives_the_same_bytes_whatever_the_hash_seed(shop: Packable) -> None:
    code = (
        "import sys\nfrom deep_code_reasoning.app.pack import PackRequest, pack_case\n"
        "sys.stdout.write(pack_case(sys.argv[1], PackRequest('why does stock fail?', budget_tokens=4000)).text)"
    )
    # This process has a seed of its own, which nobody chose.
    elsewhere = subprocess.run(
        [sys.executable, "-c", code, str(shop.folder)],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONHASHSEED": "1"},
    ).stdout  # fmt: skip
    assert elsewhere == pack_case(str(shop.folder), PackRequest("why does stock fail?", budget_tokens=4_000)).text
    assert len(elsewhere) > 1_000


def test_what_the_question_does_not_touch_is_the_same_for_every_question(shop: Packable) -> None:
    def stable(result: Pack) -> list[str]:
        end = next(n for n, passage in enumerate(result.passages) if passage.cache_after)
        return [passage.text for passage in result.passages[: end + 1]]

    one = packed(shop, 6_000, question="why is front slow?", code=True, scope=Scope(files=("stock/other.py",)))
    other = packed(shop, 6_000, question="what about orders?", code=True, scope=Scope(files=("stock/reserve.py",)))
    assert stable(one) == stable(other)
    assert one.text != other.text


def test_the_question_and_each_part_of_the_scope_change_the_pack(shop: Packable) -> None:
    plain = packed(shop, 2_500, code=True).text
    for asked in (
        {"question": "what does front log?"},
        {"question": f"is {CULPRIT[:10]} to blame?"},
        {"scope": Scope(files=("stock/other.py",))},
        {"scope": Scope(services=("front",))},
        {"scope": Scope(entry_points=("stock/reserve.py:250",))},
        {"scope": Scope(window=Window(START_NS, START_NS + 30_000_000_000))},
    ):
        assert packed(shop, 2_500, code=True, **asked).text != plain, asked


def test_type_of_analysis_and_depth_change_what_is_sent_and_offered(shop: Packable) -> None:
    assert len({packed(shop, 1_500, analysis_type=kind).text for kind in ANALYSIS_TYPES}) == len(ANALYSIS_TYPES)
    shallow, deep = (packed(shop, 200_000, depth=depth) for depth in (1, 5))
    assert (shallow.size.offered.tokens or 0) < (deep.size.offered.tokens or 0)


def test_shares_are_whole() -> None:
    for shares in SHARES.values():
        assert sum(shares.values()) == pytest.approx(1.0)
        assert tuple(shares) == KINDS


def test_a_file_that_may_not_be_read_is_accounted_for(shop: Packable) -> None:
    result = packed(shop, 8_000, code=True, scope=Scope(files=(".env", "../../etc/passwd", "gone.py")))
    reasons = {entry.key: entry.reason for entry in result.manifest if entry.key.startswith("code/")}
    assert "secrets" in reasons["code/.env"]
    assert "outside" in reasons["code/../../etc/passwd"]
    assert reasons["code/gone.py"]
    assert "hunter2" not in result.text


def test_code_is_shown_around_the_entry_point(shop: Packable) -> None:
    result = packed(shop, 6_000, code=True, scope=Scope(entry_points=("stock/reserve.py:250",)))
    assert "250     step()" in result.text
    assert "code:shop/stock/reserve.py#250" in {str(citation) for citation in result.citations}


def test_the_culprit_comes_with_its_diff_and_idle_commits_in_a_line(shop: Packable) -> None:
    result = packed(shop, 8_000)
    assert "-    lock(item)" in result.text
    assert f"commit/shop/{CULPRIT}" in keys(result, "sent")
    assert f"commit/shop/{'0' * 40}" not in keys(result, "sent", "dropped")


def test_what_was_asked_for_grows_into_the_room_that_is_left(shop: Packable) -> None:
    scope = Scope(files=("stock/reserve.py", "stock/other.py"))
    result = packed(shop, 12_000, code=True, scope=scope)
    asked = result.text[result.text.rindex("code/" if "code/" in result.text else 'kind="code"') :]
    assert "OTHER = 1" in result.text
    assert "done()" in asked
    numbers = [int(number) for number in re.findall(r"^ *(\d+)  +(?:step|done)\(\)", result.text, re.MULTILINE)]
    assert sorted(numbers) == list(range(2, 303))


def test_no_trace_and_no_text_is_sent_twice(shop: Packable) -> None:
    result = packed(shop, 200_000, question="front orders stock", scope=Scope(services=("stock", "front")))
    traces = [entry.key.rpartition("/")[2] for entry in result.manifest if entry.key.startswith("trace/")]
    assert len(traces) == len(set(traces))
    bodies = [passage.text.split("\n", 1)[1] for passage in result.passages]
    assert len(bodies) == len(set(bodies))


def test_a_counter_and_a_salt_of_the_callers_are_used(shop: Packable) -> None:
    with shop.subject() as subject:
        by_word = pack(subject, 2_000, count=lambda text: len(text.split()), counted="words", salt="pepper")
        plain = pack(subject, 2_000)
    assert len(by_word.text.split()) == by_word.tokens <= 2_000
    assert by_word.counted == "words"
    assert by_word.nonce != plain.nonce


def test_nothing_to_send_is_an_error(shop: Packable) -> None:
    with shop.subject() as subject, pytest.raises(EmptyPackError) as fault:
        pack(subject, 30)
    assert fault.value.exit_code == 3
    assert fault.value.hint


def test_secrets_of_the_evidence_do_not_leave(packable: Callable[[Mapping[str, list[Row]]], Packable]) -> None:
    system = System(requests=40)
    system.logs[0]["body"] = "login with password=hunter2secret failed"
    system.spans[0]["attributes"] = {"http.request.header.authorization": "Bearer abcdef123456ghijkl"}
    result = packed(packable(system.tables()), 200_000)
    assert "hunter2secret" not in result.text
    assert "abcdef123456" not in result.text


@pytest.mark.parametrize("budget", [600, 200_000])
def test_the_account_of_a_pack_gives_no_secret_away_either(
    budget: int, packable: Callable[[Mapping[str, list[Row]]], Packable]
) -> None:
    message = "Rotate\u202e password=hunter2secret of the stock service"
    commit = {"kind": "commit", "repo": "shop", "source_id": 1, "line": 1, "message": message, "files": ["a.py"]}
    rows = [{**commit, "id": "ab" * 20, "time_ns": START_NS + 20_000_000_000, "diff": "+1\n"}]
    result = packed(packable(System(requests=40).tables(changes=rows)), budget)
    (entry,) = [entry for entry in result.manifest if entry.key.startswith("commit/")]
    assert "Rotate\\u202e password=[redacted:" in entry.title
    assert "hunter2secret" not in str(result.manifest)
