"""Every statement of this service."""

from ledger import settings
from ledger.database import cached, connection


def find_balance(value0):
    """Rows of balance."""
    with connection() as database:
        return database.execute("SELECT total FROM balance WHERE account = %s", [value0]).fetchall()


def insert_entry(value0, value1, value2):
    """Rows of ledger_entry."""
    with connection() as database:
        return database.execute("INSERT INTO ledger_entry (account, amount, ref) VALUES (%s, %s, %s)", [value0, value1, value2]).fetchall()


def sum_entries(value0):
    """Rows of ledger_entry."""
    with connection() as database:
        return database.execute("SELECT account, sum(amount) FROM ledger_entry WHERE created > %s GROUP BY account", [value0]).fetchall()
