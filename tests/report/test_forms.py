"""The three written forms and the page, on an answer whose every text is hostile."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from deep_code_reasoning.domain.call import Verification
from deep_code_reasoning.domain.case import CaseInfo, Source
from deep_code_reasoning.domain.cause import Cause, ChangeRef
from deep_code_reasoning.domain.citation import Citation
from deep_code_reasoning.domain.claim import CheckedClaim, Claim
from deep_code_reasoning.domain.finding import Check, Finding
from deep_code_reasoning.domain.investigation import Investigation
from deep_code_reasoning.domain.opinion import Consulted, Opinion, Recommendation
from deep_code_reasoning.domain.window import Window, Windows
from deep_code_reasoning.report.answer import as_json
from deep_code_reasoning.report.html import as_html
from deep_code_reasoning.report.markdown import as_markdown
from deep_code_reasoning.report.outline import headline, likelihood
from deep_code_reasoning.report.plain import printable, to_milliseconds
from deep_code_reasoning.report.text import as_text

EVIL = "\x1b[2J<script>alert(1)</script> [x](javascript:1) `code` | \u202etxt"
S = 1_000_000_000


def hostile() -> Investigation:
    citation = Citation("log", f"{EVIL}@1")
    finding = Finding("logs.new", "exception", EVIL, EVIL, 0.9, 0.8, {"n": 3, "names": ("a", "b")}, (citation,))
    cause = Cause(
        1,
        "exception",
        EVIL,
        0.9,
        EVIL,
        change=ChangeRef("commit", EVIL, EVIL),
        blast_radius=(EVIL,),
        citations=(citation,),
        against=(EVIL,),
        next_checks=(EVIL,),
    )
    windows = Windows(Window(0, S), Window(S, 2 * S), S, Window(S, S + 1), S, "two halves", True)
    return Investigation(
        CaseInfo("c", title=EVIL),
        (Source(1, EVIL, "/x", "text", "logs", rejected=2, note=EVIL),),
        windows,
        "cause_found",
        (cause,),
        (finding, replace(finding, code="traces.critical_path", facts={"owners": (EVIL, EVIL)})),
        (Check("a", "skipped", EVIL), Check("b", "clear", "fine")),
        1.0,
        0.5,
        0.1,
        ("orders and Orders are read as one service", EVIL),
    )


def asked() -> Consulted:
    """A specialist whose every word is hostile."""
    right = CheckedClaim(Claim("cause", EVIL, EVIL), "verified", 0.9, (f"log:{EVIL}@1",))
    wrong = CheckedClaim(Claim("cause", "a ghost did it"), "refuted", 0.0, reasons=(f"no such service: {EVIL}",))
    opinion = Opinion(
        EVIL, None, "p", EVIL, (right, wrong), Verification("partly", 1, 0), (Recommendation(EVIL),), 0, (EVIL,)
    )
    return Consulted(opinion, (f"{EVIL} gave no usable answer",))


def test_every_form_shows_the_specialists_answer_beside_the_analysers_with_what_holds_of_it() -> None:
    for text in (as_text(hostile(), consulted=asked()), as_markdown(hostile(), asked()), as_html(hostile(), asked())):
        assert "part of it was found in the evidence" in text
        assert "a ghost did it" in text
        assert text.index("part of it was found") < text.index("no such service")
        assert "gave no usable answer" in text
    nobody = Consulted(None, ("deep gave no usable answer: the key is refused",))
    assert "the key is refused" in as_text(hostile(), consulted=nobody)
    assert "No specialist" in as_html(hostile(), nobody)


def test_text_cannot_steer_a_terminal() -> None:
    text = as_text(hostile(), consulted=asked())
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_moments_are_told_to_the_millisecond_but_in_citations() -> None:
    told = "slow since 2026-03-08T05:00:31.104632453Z (before 2026-03-08T05:00:30Z)"
    assert to_milliseconds(told) == "slow since 2026-03-08T05:00:31.104Z (before 2026-03-08T05:00:30Z)"
    assert to_milliseconds("to 2026-03-08T05:00:31.000000001Z") == "to 2026-03-08T05:00:31Z"


def test_colours_are_ours_alone() -> None:
    codes = set(re.findall(r"\x1b\[[0-9;]*[A-Za-z]", as_text(hostile(), True, asked())))
    assert codes <= {"\x1b[1m", "\x1b[2m", "\x1b[1;31m", "\x1b[1;32m", "\x1b[0m"}


def test_markdown_and_html_carry_no_markup_of_the_evidence() -> None:
    assert "<script" not in as_html(hostile(), asked())
    markdown = re.sub(r"(?<!\\)`[^`]*`", "", as_markdown(hostile(), asked()))  # inside code spans nothing is markup
    assert not re.search(r"(?<!\\)<script", markdown)
    assert not re.search(r"(?<!\\)\[x\]", markdown)


def test_every_form_says_what_was_lost_and_what_was_not_looked_at() -> None:
    for text in (as_text(hostile()), as_markdown(hostile())):
        assert "2 rejected rows" in text
        assert "Could not look at" in text


def test_every_form_says_which_names_are_read_as_one() -> None:
    for text in (as_text(hostile()), as_markdown(hostile()), as_html(hostile())):
        assert "orders and Orders are read as one service" in text
    assert as_json(hostile())["notes"][0] == "orders and Orders are read as one service"


def test_what_is_listed_is_never_said_to_be_out_of_the_question() -> None:
    assert likelihood(0.004) == "unlikely, under 1%"
    assert likelihood(0.46) == "possible, 46%"
    assert likelihood(0.846) == "very likely, 85%"
    rival = replace(hostile().causes[0], rank=2, confidence=0.0)
    answer = replace(hostile(), causes=(*hostile().causes, rival))
    for text in (as_text(answer), as_markdown(answer), as_html(answer)):
        assert "under 1%" in text


def incident() -> Investigation:
    """A commit is convicted, two others are not; a victim is thought of too; a service that says nothing is skipped."""
    shop = Finding(
        "changes.correlation", "n_plus_one", "shop", 'abc "load items": a call per item', 0.9, 0.9, {},
        (Citation("commit", "shop@abc"), Citation("deploy", "d1")), change=("commit", "abc"),
    )  # fmt: skip
    slow = Finding(
        "metrics.service_level", "latency_regression", "shop", "shop: p99 rose", 0.9, 1.0, {},
        (Citation("metric", "p99{shop}@1970-01-01T00:00:01Z"),),
    )  # fmt: skip
    front = replace(slow, service="front", summary="front: p99 rose", citations=(Citation("span", "t/s"),))
    told = ("acquitted: a1: touches only test files", "acquitted: a2: touches only test files", "b could have done it")
    cause = Cause(
        1, "n_plus_one", "shop", 0.93, shop.summary, change=ChangeRef("commit", "abcdef0123456789", "shop"),
        first_failing_service="shop", blast_radius=("front",), path=("shop",), remediation="rollback",
        citations=(*shop.citations, *slow.citations), against=told, next_checks=("count the queries",),
    )  # fmt: skip
    cause = replace(cause, change=ChangeRef("commit", "abc", "shop"))
    again = Cause(2, "latency_regression", "shop", 0.2, slow.summary, citations=slow.citations)
    victim = Cause(3, "latency_regression", "front", 0.03, front.summary, citations=front.citations)
    windows = Windows(Window(0, 600 * S), Window(600 * S, 900 * S), 600 * S, Window(0, S), 700 * S, "steps", True)
    skipped = (Check("heap.growth", "skipped", "the case has no heap dumps"), Check("b", "skipped", "no span waits"))
    return Investigation(
        CaseInfo("c", title="Slow", noticed_at_ns=700 * S), (), windows, "cause_found",
        (cause, again, victim), (slow, shop, front), (*skipped, Check("d", "fired", "1 finding")), 1.0, 1.0, 0.1,
    )  # fmt: skip


def test_the_first_lines_say_who_what_by_which_change_how_surely_and_since_when() -> None:
    assert as_text(incident()).splitlines()[:3] == [
        "Slow",
        "shop: N+1 calls, by commit abc in shop (very likely, 93%)",
        "began about 1970-01-01T00:10:00Z; the 5 min since, to 1970-01-01T00:15:00Z, were compared with the 10 min "
        "before; noticed at 1970-01-01T00:11:40Z",
    ]


def test_every_form_tells_each_sentence_once_and_convicts_a_change_under_its_own_cause_alone() -> None:
    for text in (as_text(incident()), as_markdown(incident()), as_html(incident())):
        flat = " ".join(text.split())
        assert flat.count("a call per item") == 1
        assert flat.count("p99{shop}") == 2  # of the first cause, and of the second one that it is the sum of
        assert "a1, a2: touches only test files" in flat
        assert "roll back commit abc in shop" in flat
        assert "front: latency regression (3%, hurt by 1): p99 rose" in flat


def test_a_text_says_how_many_checks_could_not_look_and_what_would_let_them() -> None:
    text = " ".join(as_text(incident()).split())
    assert "2 of 3 checks could not look (there is no evidence of these kinds: heap dumps)" in text
    assert "no span waits" in as_markdown(incident())


def test_a_system_in_which_nothing_changed_is_not_called_well_where_something_fails_all_along() -> None:
    failing = replace(incident(), verdict="healthy")
    assert headline(failing) == "Nothing became worse in what was given. What fails in it has failed all along:"
    assert headline(replace(failing, causes=())) == "Nothing is wrong in what was given."


def test_the_json_is_the_contract_whole() -> None:
    answer = as_json(hostile())
    assert json.loads(json.dumps(answer)) == answer
    cause = answer["causes"][0]
    assert list(cause) == [
        "rank", "mechanism", "service", "operation", "resource", "code_region", "change", "confidence", "summary",
        "first_failing_service", "blast_radius", "path", "remediation", "citations", "against", "next_checks",
    ]  # fmt: skip
    assert answer["schema"] == "deep-code-reasoning/investigation/1"
    assert answer["case"]["onset"] == "1970-01-01T00:00:01Z"
    assert answer["checks"][0] == {"detector": "a", "verdict": "skipped", "reason": EVIL}
    assert answer["findings"][0]["facts"] == {"n": 3, "names": ["a", "b"]}
    assert answer["elapsed_s"] == {"read": 1.0, "analyse": 0.5, "rank": 0.1}


def test_long_text_is_cut_and_says_so() -> None:
    assert printable("x" * 500, 10) == "x" * 10 + "… (490 more characters)"
