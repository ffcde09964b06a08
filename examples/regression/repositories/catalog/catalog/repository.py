"""Every statement of this service."""

from catalog import settings
from catalog.database import cached, connection


@cached(ttl_s=settings.PAGE_TTL_S)
def find_page():
    """Rows of product."""
    with connection() as database:
        return database.execute("SELECT id, name, price FROM product ORDER BY rank LIMIT 24", []).fetchall()


@cached(ttl_s=settings.PRODUCT_TTL_S)
def find_product(value0):
    """Rows of product."""
    with connection() as database:
        return database.execute("SELECT id, name, price, description FROM product WHERE id = %s", [value0]).fetchall()


@cached(ttl_s=settings.PRICE_TTL_S)
def find_price(value0):
    """Rows of price."""
    with connection() as database:
        return database.execute("SELECT amount FROM price WHERE item_id = %s", [value0]).fetchall()
