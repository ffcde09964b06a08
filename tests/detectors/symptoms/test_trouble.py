"""Where trouble began: what is said all day, moves all day or moved before does not tell it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import pytest

from deep_code_reasoning.detectors import runner
from deep_code_reasoning.detectors.symptoms.trouble import Trouble, trouble
from deep_code_reasoning.domain.instant import NS_PER_S
from deep_code_reasoning.store import CaseStore
from scenery import START_NS, Row, System, series
from scenery import Trouble as Fault

Judge = Callable[..., AbstractContextManager[Trouble]]
MINUTES = 180


@pytest.fixture
def judge(build_case: Callable[..., AbstractContextManager[CaseStore]]) -> Judge:
    """What is wrong where stock's requests fail from the second minute on, with more rows beside."""

    @contextmanager
    def judged(logs: Sequence[Row] = (), metrics: Sequence[Row] = (), spans: Sequence[Row] = ()) -> Iterator[Trouble]:
        system = System(Fault(onset_s=60, stock_fails="no such column: bin"))
        system.logs += logs
        system.spans += spans
        with build_case(system.tables(metrics=list(metrics))) as store:
            scene, _, _ = runner.look(store, None)
            assert scene is not None
            yield trouble(scene)

    return judged


def complaint(at_s: float, service: str, text: str) -> Row:
    return {
        "time_ns": START_NS + round(at_s * NS_PER_S),
        "service": service,
        "severity": "error",
        "body": text,
        "source_id": 1,
        "line": 1000 + round(at_s),
    }


def kinds_at(found: Trouble, service: str) -> set[str]:
    return {symptom.kind for symptom in found.symptoms if symptom.service == service}


def test_it_began_at_the_service_that_fails_by_itself(judge: Judge) -> None:
    with judge() as found:
        assert found.front.first == "stock"


def test_what_is_said_all_day_is_no_symptom_though_metrics_go_back_for_hours(judge: Judge) -> None:
    chatter = [complaint(at_s, "mail", "letter could not be decoded: missing field") for at_s in range(5, 120, 12)]
    history = series("mail", "queue.depth", [3.0 + place % 2 for place in range(MINUTES)])
    with judge(chatter, history) as found:
        assert kinds_at(found, "mail") == set()
        assert found.front.first == "stock"


def test_a_metric_that_swings_as_wide_in_the_calm_is_no_symptom(judge: Judge) -> None:
    swinging = [9.0 if at % 36 >= 30 else 1.0 for at in range(MINUTES)]
    with judge(metrics=series("mail", "memory.usage", swinging)) as found:
        assert "memory_step" not in kinds_at(found, "mail")


@pytest.mark.parametrize(("minutes_ago", "first"), [(8, "stock"), (0, "depot-db")], ids=["before", "with the onset"])
def test_a_jump_before_the_onset_is_another_storys(minutes_ago: int, first: str, judge: Judge) -> None:
    step = MINUTES - 2 - minutes_ago
    jumped = series("depot-db", "db.connections.active", [2.0 if at < step else 90.0 for at in range(MINUTES)])
    with judge(metrics=jumped) as found:
        assert found.front.first == first


def test_who_serves_requests_as_before_did_not_fail_first_whatever_it_uses(judge: Judge) -> None:
    jumped = series("mail", "db.connections.active", [2.0 if at < MINUTES - 2 else 90.0 for at in range(MINUTES)])
    served = [{**span, "service": "mail", "trace_id": f"mail{span['trace_id']}"} for span in System().spans]
    with judge(metrics=jumped, spans=served) as found:
        assert kinds_at(found, "mail")
        assert found.front.first == "stock"


def test_who_gets_less_done_feels_it_and_who_is_asked_for_less_need_not(judge: Judge) -> None:
    halves = [60.0 + at % 3 if at < 60 else 2.0 for at in range(121)]
    fallen = [
        *series("shelf", "objects_stored_per_min", halves, step_s=1),
        *series("mail", "requests_per_sec", halves, step_s=1),
    ]
    with judge(metrics=fallen) as found:
        assert found.felt == ("shelf",)
