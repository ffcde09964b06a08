"""Tournaments: with and without a model, through failures, refutations, ties, and `kill -9`."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from deep_code_reasoning.app.ledger import open_ledger
from deep_code_reasoning.app.means import Means
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.app.tournament import TournamentConfig, resume_tournament, run_tournament, tournament_status
from deep_code_reasoning.domain.analysis import AnalysisRequest
from deep_code_reasoning.domain.deadline import Deadline
from deep_code_reasoning.domain.prediction import Prediction
from deep_code_reasoning.domain.scoring import score, verdict
from deep_code_reasoning.errors import QuotaError, UsageError
from deep_code_reasoning.providers.catalogue import Catalogue
from deep_code_reasoning.providers.fake import Answers, Fails, FakeModel, Hangs, fake_client
from deep_code_reasoning.providers.wire import Exchange
from deep_code_reasoning.specialists.bench import Bench
from deep_code_reasoning.specialists.judging import prefers
from deep_code_reasoning.specialists.predictions import predict

from .conftest import GUILTY, LATE, Incident, answer, cause, scripted

ISSUE = AnalysisRequest("stock fails", depth=1)


def run(
    incident: Incident,
    model: str = "none",
    request: AnalysisRequest = ISSUE,
    means: Means | None = None,
    config: TournamentConfig | None = None,
) -> Any:
    terms = Terms(incident.folder, model=model, means=means or Means())
    return asyncio.run(run_tournament(request, terms, config=config))


def session(incident: Incident, holds: bool) -> dict[str, Any]:
    """A session's answer: a prediction, with a proof that is there."""
    prediction = {
        "statement": "its spans carry the error",
        "outcome": "holds" if holds else "fails",
        "proofs": [{"citation": incident.failing_span, "quote": "stock is down"}],
    }
    return {"summary": "tested", "verdict": "supported" if holds else "refuted", "predictions": [prediction]}


class Player:
    """A model that proposes, and then tests each hypothesis as it is told: the session is known by its question."""

    def __init__(self, incident: Incident, proposals: list[dict[str, Any]], refuted: str = "(nothing)") -> None:
        self.incident, self.proposals, self.refuted = incident, proposals, refuted
        self.sessions: list[str] = []
        self.judged: list[str] = []
        self.prefers: Callable[[str], str] = lambda text: "first"

    def __call__(self, exchange: Exchange) -> Answers:
        question = exchange.messages[0].passages[-1].text
        if "Give up to" in question:
            return Answers(answer(self.incident, *self.proposals))
        if "explanation" in question:
            self.judged.append(question)
            return Answers({"better": self.prefers(exchange.messages[0].text), "because": "of its tests"})
        self.sessions.append("\n".join(message.text for message in exchange.messages))
        return Answers(session(self.incident, holds=self.refuted not in question))


def test_without_a_model_queries_over_the_evidence_decide(incident: Incident) -> None:
    found = run(incident)
    shown = found.as_json()
    assert (shown["state"], shown["winner"]["service"], shown["why_no_model"]) == (
        "finished",
        "stock",
        "none was wanted",
    )
    outcomes = {p["name"]: p["outcome"] for p in shown["winner"]["tests"][0]["predictions"]}
    assert outcomes["the evidence does not contradict it"] == "holds"
    assert outcomes["its service behaves differently since the onset"] == "holds"
    victims = [h for h in shown["hypotheses"] if h["service"] in ("front", "orders")]
    assert all(h["state"] != "crowned" for h in victims)
    assert (shown["calls"], shown["total_cost_usd"]) == (0, 0.0)


def held_between(incident: Incident, *rivals: dict[str, Any], **config: int) -> Any:
    """A tournament without a model, of analysers who have found these causes and nothing else."""
    first = replace(incident.investigation.causes[0], change=None, citations=())
    found = replace(incident.investigation, causes=tuple(replace(first, **rival) for rival in rivals), findings=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deep_code_reasoning.app.workbench.investigation_of", lambda *_: found)
        return run(incident, config=TournamentConfig(**config))


def test_without_a_model_each_round_tests_what_came_up_in_the_one_before(incident: Incident) -> None:
    victim = {"service": "front", "mechanism": "exception"}
    once = held_between(incident, victim, max_rounds=1)
    assert {h.state for h in once.hypotheses if h.tests[1:]} == {"eliminated"}
    assert once.winner is None
    found = held_between(incident, victim, max_rounds=2)
    assert found.winner is not None
    assert found.winner.statement == "stock fails, and front with it"
    assert found.winner.origin == "the test of hypothesis 1"
    assert (once.tournament.round, found.tournament.round) == (1, 2)


@pytest.mark.parametrize("places", [1, 3])
def test_without_a_model_as_many_are_tested_at_a_time_as_asked(
    incident: Incident, places: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_once, most, count = 0, 0, threading.Lock()

    def counted(claim: Any, trial: Any) -> Any:
        nonlocal at_once, most
        with count:
            at_once += 1
            most = max(most, at_once)
        time.sleep(0.05)
        told = predict(claim, trial)
        with count:
            at_once -= 1
        return told

    monkeypatch.setattr("deep_code_reasoning.app.rounds.predict", counted)
    rivals = [{"rank": n, "mechanism": kind} for n, kind in enumerate(("exception", "deadlock", "bad_input"), 1)]
    assert len(held_between(incident, *rivals, parallel_sessions=places).hypotheses) == 3
    assert most == places


def test_the_same_tournament_twice_scores_the_same(incident: Incident) -> None:
    scores = [[(h.statement, h.score, h.state) for h in run(incident).hypotheses] for _ in range(2)]
    assert scores[0] == scores[1]


def test_what_the_evidence_refutes_is_never_crowned_and_no_winner_is_a_result(incident: Incident) -> None:
    ghost = cause(incident, statement="a ghost did it", service="ghost", mechanism="deadlock")
    late = cause(incident, statement="the late commit did it", mechanism="wrong_result", change=f"commit:stock@{LATE}")
    player = Player(incident, [ghost, late], refuted="stock")
    means, _ = scripted(*[player] * 30)
    shown = run(incident, "deep", means=means, config=TournamentConfig(max_hypotheses=8)).as_json()
    states = {h["statement"]: h["state"] for h in shown["hypotheses"]}
    assert states["a ghost did it"] == "eliminated"
    assert states["the late commit did it"] == "eliminated"
    assert shown["winner"] is None or "stock" not in shown["winner"]["statement"]
    if shown["winner"] is None:
        assert shown["no_winner_because"]


def test_an_insight_reaches_the_next_prompt(incident: Incident) -> None:
    early = cause(incident, statement="the early commit did it", mechanism="bad_input", change=f"commit:stock@{GUILTY}")
    player = Player(incident, [early], refuted="(nothing)")
    means, model = scripted(*[player] * 40)
    run(incident, "deep", means=means, config=TournamentConfig(max_rounds=2, parallel_sessions=1))
    second = [text for text in player.sessions if "What earlier tests have shown" in text]
    assert second, "there was a second round"
    assert "holds: its spans carry the error" in second[0]
    evidence = {exchange.messages[0].passages[0].text for exchange in model.seen}
    assert len(evidence) == 1, "all sessions share their beginning, for the provider's cache"


def test_more_rounds_and_more_hypotheses_change_what_happens(incident: Incident) -> None:
    counts = {}
    for rounds, most in ((1, 2), (2, 2), (1, 4)):
        player = Player(
            incident,
            [cause(incident, statement=f"cause {n}", mechanism=m) for n, m in enumerate(("deadlock", "bad_input"))],
        )
        means, _ = scripted(*[player] * 40)
        config = TournamentConfig(max_hypotheses=most, max_rounds=rounds)
        found = run(incident, "deep", means=means, config=config)
        counts[rounds, most] = (len(player.sessions), len(found.hypotheses))
    assert counts[2, 2][0] > counts[1, 2][0]
    assert counts[1, 4][1] > counts[1, 2][1]
    with pytest.raises(UsageError):
        run(incident, config=TournamentConfig(max_hypotheses=1))


def test_a_judge_that_prefers_whoever_stands_first_has_no_say() -> None:
    assert judged(lambda text: "first") is None
    assert judged(lambda text: "second") is None
    assert judged(lambda text: "neither") is None


def test_a_judge_decides_when_it_says_the_same_in_both_orders() -> None:
    assert judged(lambda text: "first" if text.index("ALPHA") < text.index("BETA") else "second") == 0
    assert judged(lambda text: "second" if text.index("ALPHA") < text.index("BETA") else "first") == 1


def judged(choice: Callable[[str], str]) -> int | None:
    def judge(exchange: Exchange) -> Answers:
        return Answers({"better": choice(exchange.messages[0].text), "because": "of its tests"})

    client, _model = fake_client(judge, judge)
    texts = (["ALPHA did it"], ["BETA did it"])
    return asyncio.run(prefers(client, "fake", texts, Bench("abcdefghijkl"), Deadline()))


def level_pair(incident: Incident, named: bool, prefers: Callable[[str], str]) -> tuple[Any, dict[str, FakeModel]]:
    """A tournament that ends with two level, in a catalogue with models of two vendors; both play the same."""
    kinds = ((1, "bad_input"), (2, "deadlock"))
    twins = [cause(incident, statement=f"twin {n}", mechanism=kind, confidence=None) for n, kind in kinds]
    player = Player(incident, twins)
    player.prefers = prefers
    models = {"acme/a": FakeModel(*[player] * 30), "bond/b": FakeModel(*[player] * 30)}

    def open_client(gate: Any) -> Any:
        client = fake_client(gate=gate, **models)[0]
        client.catalogue = Catalogue({name: client.catalogue.card(name) for name in models})
        return client

    request, config = replace(ISSUE, question="twins"), TournamentConfig(max_hypotheses=2, max_rounds=1)
    bare = replace(incident.investigation, causes=(), findings=(), checks=())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("deep_code_reasoning.app.workbench.investigation_of", lambda *_: bare)
        found = run(incident, "acme/a" if named else None, request, means=Means(open_client=open_client), config=config)
    return found, models


def judges(models: dict[str, FakeModel]) -> set[str]:
    return {
        name for name, model in models.items() if any("The first explanation" in e.messages[0].text for e in model.seen)
    }


def test_a_judge_is_of_another_vendor_unless_the_user_named_the_model(incident: Incident) -> None:
    found, models = level_pair(incident, True, lambda text: "first")
    assert (judges(models), found.winner) == ({"acme/a"}, None)
    assert "no test tells them apart" in found.as_json()["no_winner_because"]

    def by_content(text: str) -> str:
        return "first" if text.index("twin 2") < text.index("twin 1") else "second"

    found, models = level_pair(incident, False, by_content)
    (author,) = {name for name, model in models.items() if any("Give up to" in e.messages[0].text for e in model.seen)}
    assert judges(models) == models.keys() - {author}
    assert found.winner.statement == "twin 2"


def test_a_failing_model_says_nothing_of_a_hypothesis(incident: Incident) -> None:
    means, _ = scripted(*[Fails(QuotaError("no money", retryable=False))] * 20)
    shown = run(incident, "deep", means=means).as_json()
    assert {failure["code"] for failure in shown["failures"]} == {"provider_quota"}
    assert shown["winner"]["service"] == "stock", "the evidence decided"


def test_a_tournament_whose_time_is_up_can_be_gone_on_with(incident: Incident) -> None:
    means, _ = scripted(Answers(answer(incident)), *[Hangs("well, ")] * 20)
    config = TournamentConfig(max_rounds=1, max_hypotheses=3)
    cut = run(incident, "deep", replace(ISSUE, time_budget_s=4.0), means=means, config=config)
    assert (cut.tournament.state, cut.tournament.round, cut.winner) == ("running", 0, None)
    means, _ = scripted(*[Player(incident, [])] * 20)
    done = asyncio.run(resume_tournament(cut.tournament.id, means=means))
    assert (done.tournament.state, done.tournament.round) == ("finished", 1)
    assert all("specialist" in [test["kind"] for test in h.tests] for h in done.hypotheses if h.state != "eliminated")


def test_times_are_measured(incident: Incident) -> None:
    measured = run(incident).as_json()["measured"]
    assert measured["wall_s"] > 0
    assert measured["sum_of_tests_s"] > 0
    assert measured["at_once"] == pytest.approx(measured["sum_of_tests_s"] / measured["wall_s"], abs=0.05)


def test_scores_follow_from_tests_alone() -> None:
    holds, fails = Prediction("a", "holds", ""), Prediction("b", "fails", "", weight=3.0)
    assert score([holds, Prediction("c", "unknown", "")]) == 1.0
    assert score([holds, fails]) == -0.5
    assert score([Prediction("c", "unknown", "")]) is None
    assert verdict([holds, Prediction("b", "fails", "", fatal=True, weight=0.1)]) == "refuted"
    assert verdict([]) == "inconclusive"


WORKER = """
import asyncio, os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from deep_code_reasoning.app.means import Means
from deep_code_reasoning.app.terms import Terms
from deep_code_reasoning.app.tournament import TournamentConfig, run_tournament
from deep_code_reasoning.ledger.tournaments import Tournaments
from app.conftest import Incident, cause, scripted
from app.test_tournament import ISSUE, Player
incident = Incident(Path(sys.argv[1]), None)
keep, kept = Tournaments.keep, []
def dying(self, hold, hypotheses, **more):
    kept.append(1)
    if len(kept) == 3:  # two sessions are kept; the third was paid for and is not
        os.kill(os.getpid(), signal.SIGKILL)
    keep(self, hold, hypotheses, **more)
Tournaments.keep = dying
means, _ = scripted(*[Player(incident, [cause(incident, statement="cause 2", mechanism="bad_input")])] * 40)
config = TournamentConfig(max_rounds=1, parallel_sessions=1)
asyncio.run(run_tournament(ISSUE, Terms(incident.folder, model="deep", means=means), config=config))
"""


@pytest.mark.usefixtures("any_ledger")
def test_kill_9_in_the_middle_of_a_tournament_loses_nothing_that_was_paid_for(incident: Incident) -> None:
    command = [sys.executable, "-c", WORKER, str(incident.folder), str(Path(__file__).parents[1])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    with open_ledger() as ledger:
        escalation = ledger.escalations.recent()[0]
        paid = len(ledger.calls.of_escalation(escalation.id))
    tournament_id = _only_tournament()
    before = tournament_status(tournament_id)
    assert (before.tournament.state, before.tournament.round) == ("running", 0)
    untested = [h for h in before.hypotheses if h.state == "open" and len(h.tests) == 1]
    player = Player(incident, [])
    means, _ = scripted(*[player] * 40)
    after = asyncio.run(resume_tournament(tournament_id, means=means))
    assert after.tournament.state == "finished"
    assert not any("Give up to" in text for text in player.sessions), "what was proposed is not proposed again"
    assert len(player.sessions) == len(untested) - 1, "the session that was paid for is not paid for again"
    assert len(after.calls) == paid + len(player.sessions) + len(player.judged)
    with pytest.raises(UsageError):
        asyncio.run(resume_tournament(tournament_id, means=means))


def _only_tournament() -> str:
    from sqlalchemy import select

    from deep_code_reasoning.ledger.database import Database
    from deep_code_reasoning.ledger.schema import TOURNAMENTS

    with open_ledger() as ledger, closing(Database(ledger.name)) as database:
        return str(database.read(lambda connection: connection.scalar(select(TOURNAMENTS.c.id))))
