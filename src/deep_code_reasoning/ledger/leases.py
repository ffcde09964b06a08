"""Who works on a conversation or a tournament at the moment.

A lease is held by a process, under a token that only its holder knows, until it is given back, it runs out, or its
process is known to have ended: a crash locks nothing for ever. Whoever writes under a lease checks the token in the
same transaction, so that a holder that slept too long cannot write over its successor.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from .database import upsert
from .owner import is_gone, this_process
from .schema import LEASES

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Hold:
    """The right to work on a subject. `id` is the conversation's or tournament's."""

    id: str
    subject: str
    token: str
    lease_s: float


def take(connection: Connection, record_id: str, subject: str, lease_s: float, now_ns: int) -> Hold | None:
    """Take the lease on a subject; None when somebody else has it."""
    row = connection.execute(select(LEASES).where(LEASES.c.subject == subject)).one_or_none()
    if row is not None and _is_live(row.owner, row.expires_ns, now_ns):
        return None
    hold = Hold(record_id, subject, secrets.token_hex(16), lease_s)
    upsert(
        connection,
        LEASES,
        {
            "subject": subject,
            "token": hold.token,
            "owner": this_process(),
            "expires_ns": now_ns + int(lease_s * NS_PER_S),
        },
    )
    return hold


def is_taken(connection: Connection, subject: str, now_ns: int) -> bool:
    """Whether somebody holds the lease on a subject."""
    row = connection.execute(select(LEASES).where(LEASES.c.subject == subject)).one_or_none()
    return row is not None and _is_live(row.owner, row.expires_ns, now_ns)


def renew(connection: Connection, hold: Hold, now_ns: int) -> bool:
    """Hold on for another `lease_s`; False when the lease has gone to somebody else."""
    renewed = connection.execute(
        update(LEASES)
        .where(LEASES.c.subject == hold.subject, LEASES.c.token == hold.token)
        .values(expires_ns=now_ns + int(hold.lease_s * NS_PER_S))
    )
    return renewed.rowcount == 1


def give_back(connection: Connection, hold: Hold) -> None:
    """End a lease; nothing happens when it was lost before."""
    connection.execute(delete(LEASES).where(LEASES.c.subject == hold.subject, LEASES.c.token == hold.token))


def _is_live(owner: str, expires_ns: int, now_ns: int) -> bool:
    return expires_ns > now_ns and not is_gone(owner)
