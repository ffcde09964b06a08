"""Calls to other services."""

import httpx

from mailer import settings


def fetch_profile(user):
    """GET /customers/{user} of accounts."""
    reply = httpx.get(f"http://accounts:8080/customers/{user}", timeout=settings.MAIL_TIMEOUT_MS / 1000)
    reply.raise_for_status()
    return reply.json()
