"""Every statement of this service."""

from mailer import settings
from mailer.database import cached, connection


def find_template(value0):
    """Rows of template."""
    with connection() as database:
        return database.execute("SELECT body FROM template WHERE name = %s", [value0]).fetchall()
