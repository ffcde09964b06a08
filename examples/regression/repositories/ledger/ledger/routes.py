"""The routes."""

from fastapi import APIRouter

from ledger import repository
from ledger import jobs, posting

router = APIRouter()


@router.get("/balances/{account}")
def show_balance(account: int):
    """Serve GET /balances/{account}."""
    rows = repository.find_balance(account)
    return rows
