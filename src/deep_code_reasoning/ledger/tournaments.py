"""Tournaments that outlive the process: rounds are kept as they finish, and another process can go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from ..domain.tournament import Hypothesis, Tournament
from ..errors import RecordNotFoundError, TournamentBusyError, UsageError
from . import leases
from .database import Database, upsert
from .leases import NS_PER_S, Hold
from .owner import new_id
from .schema import HYPOTHESES, TOURNAMENTS

# A round may test many hypotheses; its holder renews the lease with everything that it writes.
LEASE_S: Final = 600.0


class Tournaments:
    """The tables of tournaments and hypotheses. Whoever runs a tournament holds it."""

    def __init__(self, database: Database, clock: Callable[[], int]) -> None:
        self._database = database
        self._clock = clock

    def start(
        self,
        issue: str,
        *,
        ttl_s: int,
        config: Mapping[str, Any] | None = None,
        escalation_id: str | None = None,
        case_id: str | None = None,
        tournament_id: str | None = None,
    ) -> Tournament:
        """Begin a tournament; it may run for `ttl_s`. Its id is made here when none is given."""
        now_ns = self._clock()
        tournament_id = tournament_id or new_id("tournament", now_ns)
        values = {
            "id": tournament_id,
            "escalation_id": escalation_id,
            "case_id": case_id,
            "issue": issue,
            "config": dict(config or {}),
            "state": "running",
            "round": 0,
            "winner": None,
            "created_ns": now_ns,
            "updated_ns": now_ns,
            "expires_ns": now_ns + ttl_s * NS_PER_S,
        }
        self._database.write(lambda connection: connection.execute(insert(TOURNAMENTS).values(values)))
        return self.get(tournament_id)

    def get(self, tournament_id: str) -> Tournament:
        """A tournament as it stands now.

        Raises:
            RecordNotFoundError: when there is none of that id.
        """
        now_ns = self._clock()
        return self._database.read(lambda connection: _tournament(connection, tournament_id, now_ns))

    def hypotheses(self, tournament_id: str) -> tuple[Hypothesis, ...]:
        """Its hypotheses, in the order of their ordinals."""
        query = select(HYPOTHESES).where(HYPOTHESES.c.tournament_id == tournament_id).order_by(HYPOTHESES.c.ordinal)
        return self._database.read(
            lambda connection: tuple(
                Hypothesis(
                    row.tournament_id,
                    row.ordinal,
                    row.statement,
                    row.origin,
                    row.state,
                    row.score,
                    tuple(row.tests),
                    row.updated_ns,
                )
                for row in connection.execute(query)
            )
        )

    def acquire(self, tournament_id: str, lease_s: float = LEASE_S) -> Hold:
        """Take a tournament to run it, or to go on with one whose process ended.

        Raises:
            RecordNotFoundError: when there is none of that id.
            TournamentBusyError: when somebody else runs it.
            UsageError: when it has finished or expired.
        """
        now_ns = self._clock()
        subject = f"tournament:{tournament_id}"

        def write(connection: Connection) -> Hold:
            tournament = _tournament(connection, tournament_id, now_ns)
            if tournament.state != "running":
                raise UsageError(f"tournament '{tournament_id}' is {tournament.state}", "start another")
            hold = leases.take(connection, tournament_id, subject, lease_s, now_ns)
            if hold is None:
                raise TournamentBusyError(f"somebody else runs tournament '{tournament_id}'", "ask for its state")
            return hold

        return self._database.write(write, alone_with=subject)

    def keep(self, hold: Hold, hypotheses: Sequence[Hypothesis], *, finished_round: int | None = None) -> None:
        """Keep hypotheses as they stand, new ones and known ones, and how far the tournament is: all or nothing.

        Raises:
            TournamentBusyError: when somebody else has taken it over; nothing is written then.
        """
        changed = {} if finished_round is None else {"round": finished_round}
        self._write(hold, hypotheses, changed, ends=False)

    def finish(self, hold: Hold, winner: int | None) -> None:
        """End a tournament; `winner` is an ordinal, or None: no winner is a result.

        Raises:
            TournamentBusyError: when somebody else has taken it over.
        """
        self._write(hold, (), {"state": "finished", "winner": winner}, ends=True)

    def release(self, hold: Hold) -> None:
        """Give a tournament back unfinished."""
        self._database.write(lambda connection: leases.give_back(connection, hold), hold.subject)

    def _write(self, hold: Hold, hypotheses: Sequence[Hypothesis], changed: dict[str, Any], *, ends: bool) -> None:
        now_ns = self._clock()

        def write(connection: Connection) -> None:
            if not leases.renew(connection, hold, now_ns):
                raise TournamentBusyError(f"tournament '{hold.id}' was taken over by somebody else")
            for hypothesis in hypotheses:
                upsert(connection, HYPOTHESES, _columns(hold, hypothesis, now_ns))
            values = {**changed, "updated_ns": now_ns}
            connection.execute(update(TOURNAMENTS).where(TOURNAMENTS.c.id == hold.id).values(values))
            if ends:
                leases.give_back(connection, hold)

        self._database.write(write, alone_with=hold.subject)


def _columns(hold: Hold, hypothesis: Hypothesis, now_ns: int) -> dict[str, Any]:
    return {
        "tournament_id": hold.id,
        "ordinal": hypothesis.ordinal,
        "statement": hypothesis.statement,
        "origin": hypothesis.origin,
        "state": hypothesis.state,
        "score": hypothesis.score,
        "tests": [dict(test) for test in hypothesis.tests],
        "updated_ns": now_ns,
    }


def _tournament(connection: Connection, tournament_id: str, now_ns: int) -> Tournament:
    row = connection.execute(select(TOURNAMENTS).where(TOURNAMENTS.c.id == tournament_id)).one_or_none()
    if row is None:
        raise RecordNotFoundError(f"there is no tournament '{tournament_id}'")
    expired = row.state == "running" and row.expires_ns <= now_ns
    return Tournament(
        id=row.id,
        issue=row.issue,
        state="expired" if expired else row.state,
        config=row.config,
        round=row.round,
        winner=row.winner,
        created_ns=row.created_ns,
        updated_ns=row.updated_ns,
        expires_ns=row.expires_ns,
        escalation_id=row.escalation_id,
        case_id=row.case_id,
    )
