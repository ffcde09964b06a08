"""The routes."""

from fastapi import APIRouter

from catalog import repository
from catalog import ranking, text

router = APIRouter()


@router.get("/v1/products")
def list_products():
    """Serve GET /v1/products."""
    rows = repository.find_page()
    rows = ranking.sort_results(rows)
    return rows


@router.get("/v1/products/{item}")
def show_product(item: int):
    """Serve GET /v1/products/{item}."""
    rows = repository.find_product(item)
    return rows


@router.get("/v1/products/{item}/price")
def show_price(item: int):
    """Serve GET /v1/products/{item}/price."""
    rows = repository.find_price(item)
    return rows
