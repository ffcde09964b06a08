"""The routes."""

from fastapi import APIRouter

from mailer import repository
from mailer import delivery, templates

router = APIRouter()


@router.post("/preview")
def preview():
    """Serve POST /preview."""
    rows = repository.find_template()
    return rows
