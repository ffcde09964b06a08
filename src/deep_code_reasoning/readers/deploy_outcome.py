"""What became of a deploy, by the words, counts and stages of whoever ran it (see `domain/rollout.py`).

A run that failed or was called off is held to have gone live in part only where something says so: instances that were
updated, a stage of deploying that had begun, a message of health checks or of going back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..domain.rollout import CANCELLED, FAILED, NEVER_LIVE, PARTIAL, PENDING, ROLLED_BACK
from .members import Members
from .values import number_of

# What a pipeline concluded says more than how far it is.
_STATES: Final = tuple(
    """conclusion result outcome rolloutstate deploystatus deploymentstatus deploymentstate buildstatus
    status state phase""".split()
)
_WORDS: Final = {
    FAILED: """failed failure fail failing error errored terminal unsuccessful timedout timeout broken
        unauthorized startupfailure deployfailed failedvalidation policysoftfailed""",
    CANCELLED: """cancelled canceled aborted skipped rejected discarded stopped stop notrun notdeployed forcecanceled
        declined dismissed expired plannedandfinished plannedandsaved neutral actionrequired terminated notbuilt""",
    PENDING: """pending queued waiting created blocked onhold notstarted scheduled requested manual preparing
        waitingforresource planned planning planqueued costestimated policychecked awaitingapproval needsapproval
        draft suspended open ready""",
    PARTIAL: """partial partially partiallysucceeded partiallyfailed progressdeadlineexceeded failedrollback
        rollbackfailed rollbacksuccessful rollbackinprogress incomplete stalled pendingupgrade pendinginstall
        pendingrollback""",
    ROLLED_BACK: "rolledback rollback reverted undone autorolledback",
}  # fmt: skip
_OUTCOME_OF: Final = {word: outcome for outcome, words in _WORDS.items() for word in words.split()}

# How many instances, or how much of the traffic, got it.
_COUNTS: Final = tuple(
    """updatedreplicas status.updatedreplicas updatedpods podsupdated updatedinstances instancesupdated updatedhosts
    hostsupdated deploymentoverview.succeeded runningcount rolloutpercent rolledoutpercent percentcomplete
    trafficpercent canaryweight percent progress""".split()
)
_TOLD: Final = tuple(
    """message description reason statusreason rolloutstatereason errorinformation.message error errormessage detail
    details note summary rollbackinfo.rollbackmessage""".split()
)
_SOME_OF: Final = re.compile(r"(?<![\d.])(\d{1,5}) ?(?:/|of|out of) ?(?:the )?(\d{1,5})\b(?!/)")
_REACHED: Final = re.compile(
    r"(?i)partial|half|roll(?:ed|ing)? ?back|health ?check|readiness|progress deadline|timed out waiting|crash ?loop|"
    r"canary|some (?:pods|instances|hosts|tasks|replicas|traffic)"
)
_UNREACHED: Final = re.compile(
    r"(?i)before (?:it|any|taking|the first|going)\b|\bnever\b|\bno (?:traffic|pods?|instances?|hosts?|tasks?)\b|"
    r"\bnothing\b|\bdid not (?:start|begin|reach)"
)
# Stages of a run, and those of them that touch what runs.
_STAGES: Final = ("stages", "jobs", "steps", "stage_results")
_TOUCHES: Final = re.compile(r"(?i)deploy|roll ?out|release|migrat|upgrade|apply|canary|promote")


def outcome_of(record: Mapping[str, Any], members: Members, state: str = "") -> str:
    """The outcome of a deploy as a word of `domain/rollout.py`; '' where it went live, or nothing says otherwise.

    Args:
        record: the decoded record, for the lists in it.
        members: the same by plain names; what is asked for stays left over.
        state: the state, where it is known which member tells it.
    """
    states = (state,) if state else map(members.peek, _STATES)
    outcome = next(filter(None, map(outcome_word, states)), "")
    told = " ".join(filter(None, (members.peek(name) for name in (*_TOLD, *_STATES))))
    if outcome not in (FAILED, CANCELLED, ROLLED_BACK):
        return outcome
    if _UNREACHED.search(told):
        return CANCELLED if outcome == ROLLED_BACK else outcome
    return PARTIAL if outcome in NEVER_LIVE and _has_reached(record, members, told) else outcome


def outcome_word(text: str) -> str:
    """The outcome that a state is a word for (`SUCCESS` and what is unknown are none), alone or before a colon."""
    for piece in (text, re.split(r"[:;,(\n]", text, maxsplit=1)[0]):
        if outcome := _OUTCOME_OF.get(re.sub(r"[^a-z]", "", piece.lower())):
            return outcome
    return ""


def _has_reached(record: Mapping[str, Any], members: Members, told: str) -> bool:
    if any((number_of(members.peek(name).rstrip(" %")) or 0) > 0 for name in _COUNTS):
        return True
    counted = _SOME_OF.search(told)
    if counted is not None:
        return int(counted[1]) > 0
    begun = list(_stages_that_touch(record))
    return any(begun) if begun else _REACHED.search(told) is not None


def _stages_that_touch(record: Mapping[str, Any]) -> Iterator[bool]:
    """Whether each stage of a run that touches what runs had begun."""
    for name in _STAGES:
        stages = record.get(name)
        for stage in stages if isinstance(stages, list) else ():
            members = Members(stage) if isinstance(stage, dict) else None
            if members and _TOUCHES.search(f"{members.peek('name')} {members.peek('type')}"):
                states = (outcome_word(members.peek(state)) for state in _STATES)
                yield not any(state in (CANCELLED, PENDING) for state in states)
