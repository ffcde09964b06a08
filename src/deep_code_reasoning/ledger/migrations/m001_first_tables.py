"""Version 1: escalations and their outcomes, calls, spending, conversations, tournaments, routing decisions.

Plain statements that SQLite and PostgreSQL both take. They are history: a later change is a migration of its own.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

_STATEMENTS: Final = (
    """
    CREATE TABLE calls (
        id TEXT NOT NULL, escalation_id TEXT, conversation_id TEXT, reason TEXT,
        model_requested TEXT NOT NULL, model_resolved TEXT, provider TEXT NOT NULL, surface TEXT NOT NULL,
        event_type TEXT NOT NULL, input_tokens BIGINT, output_tokens BIGINT, cached_tokens BIGINT,
        cache_write_tokens BIGINT, reasoning_tokens BIGINT, unmeasured_requests INTEGER NOT NULL,
        total_cost_nano_usd BIGINT, started_ns BIGINT NOT NULL, duration_ms BIGINT NOT NULL,
        finish_reason TEXT, status TEXT NOT NULL, error_code TEXT, raw_answer TEXT, verification TEXT,
        citations_resolved INTEGER, citations_unresolved INTEGER, PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX calls_by_conversation ON calls (conversation_id)",
    "CREATE INDEX calls_by_escalation ON calls (escalation_id)",
    "CREATE INDEX calls_by_start ON calls (started_ns)",
    """
    CREATE TABLE conversations (
        id TEXT NOT NULL, escalation_id TEXT, case_id TEXT, surface TEXT NOT NULL,
        analysis_type TEXT NOT NULL, context TEXT NOT NULL, state TEXT NOT NULL,
        turn_limit INTEGER NOT NULL, turns_used INTEGER NOT NULL, spend_limit_nano_usd BIGINT,
        ttl_s BIGINT NOT NULL, created_ns BIGINT NOT NULL, updated_ns BIGINT NOT NULL,
        expires_ns BIGINT NOT NULL, PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX conversations_by_update ON conversations (updated_ns)",
    """
    CREATE TABLE escalations (
        id TEXT NOT NULL, case_id TEXT, surface TEXT NOT NULL, analysis_type TEXT NOT NULL,
        problem_class TEXT NOT NULL, question TEXT NOT NULL, signals TEXT NOT NULL, reason TEXT NOT NULL,
        pack_offered_bytes BIGINT, pack_offered_tokens BIGINT, pack_sent_bytes BIGINT,
        pack_sent_tokens BIGINT, pack_dropped_bytes BIGINT, pack_dropped_tokens BIGINT,
        status TEXT NOT NULL, found TEXT, verification TEXT, citations_resolved INTEGER,
        citations_unresolved INTEGER, answer_call_id TEXT, time_saved_s DOUBLE PRECISION,
        time_saved_basis TEXT, started_ns BIGINT NOT NULL, ended_ns BIGINT, PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX escalations_by_start ON escalations (started_ns)",
    """
    CREATE TABLE hypotheses (
        tournament_id TEXT NOT NULL, ordinal INTEGER NOT NULL, statement TEXT NOT NULL,
        origin TEXT NOT NULL, state TEXT NOT NULL, score DOUBLE PRECISION, tests TEXT NOT NULL,
        updated_ns BIGINT NOT NULL, PRIMARY KEY (tournament_id, ordinal)
    )
    """,
    """
    CREATE TABLE leases (
        subject TEXT NOT NULL, token TEXT NOT NULL, owner TEXT NOT NULL, expires_ns BIGINT NOT NULL,
        PRIMARY KEY (subject)
    )
    """,
    """
    CREATE TABLE outcomes (
        escalation_id TEXT NOT NULL, ordinal INTEGER NOT NULL, verdict TEXT NOT NULL,
        reported_by TEXT NOT NULL, reported_ns BIGINT NOT NULL, note TEXT NOT NULL,
        PRIMARY KEY (escalation_id, ordinal)
    )
    """,
    """
    CREATE TABLE routing_decisions (
        id TEXT NOT NULL, escalation_id TEXT, step INTEGER NOT NULL, policy TEXT NOT NULL, seed TEXT,
        candidates TEXT NOT NULL, chosen TEXT, explanation TEXT NOT NULL, decided_ns BIGINT NOT NULL,
        PRIMARY KEY (id)
    )
    """,
    "CREATE INDEX routing_decisions_by_escalation ON routing_decisions (escalation_id)",
    """
    CREATE TABLE spending (
        call_id TEXT NOT NULL, escalation_id TEXT, conversation_id TEXT, day TEXT NOT NULL,
        state TEXT NOT NULL, reserved_nano_usd BIGINT, reserved_tokens BIGINT, settled_nano_usd BIGINT,
        settled_tokens BIGINT, owner TEXT NOT NULL, created_ns BIGINT NOT NULL, expires_ns BIGINT NOT NULL,
        PRIMARY KEY (call_id)
    )
    """,
    "CREATE INDEX spending_by_conversation ON spending (conversation_id)",
    "CREATE INDEX spending_by_day ON spending (day)",
    "CREATE INDEX spending_by_escalation ON spending (escalation_id)",
    """
    CREATE TABLE tournaments (
        id TEXT NOT NULL, escalation_id TEXT, case_id TEXT, issue TEXT NOT NULL, config TEXT NOT NULL,
        state TEXT NOT NULL, round INTEGER NOT NULL, winner INTEGER, created_ns BIGINT NOT NULL,
        updated_ns BIGINT NOT NULL, expires_ns BIGINT NOT NULL, PRIMARY KEY (id)
    )
    """,
    """
    CREATE TABLE turns (
        conversation_id TEXT NOT NULL, ordinal INTEGER NOT NULL, role TEXT NOT NULL, content TEXT NOT NULL,
        call_id TEXT, created_ns BIGINT NOT NULL, PRIMARY KEY (conversation_id, ordinal)
    )
    """,
)


def migrate(connection: Connection) -> None:
    """Create the tables of an empty ledger."""
    for statement in _STATEMENTS:
        connection.exec_driver_sql(statement)
