"""Version 2: what was reported of investigations that no model took part in."""

from __future__ import annotations

from sqlalchemy import Connection


def migrate(connection: Connection) -> None:
    """Make the table."""
    connection.exec_driver_sql(
        """
        CREATE TABLE investigation_outcomes (
            case_id TEXT NOT NULL, ordinal INTEGER NOT NULL, verdict TEXT NOT NULL, reported_by TEXT NOT NULL,
            reported_ns BIGINT NOT NULL, note TEXT NOT NULL, PRIMARY KEY (case_id, ordinal)
        )
        """
    )
