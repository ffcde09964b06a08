"""Names: three businesses that run the same kind of system under different words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

# What each of the ten services is for. `ledger` is known for its words only here and in the plans.
ROLES: Final = (
    "edge",
    "web",
    "catalog",
    "basket",
    "orders",
    "payments",
    "ledger",
    "stock",
    "users",
    "notify",
)


@dataclass(frozen=True)
class Words:
    """One business: how it calls its services, its things and its tables."""

    business: str
    services: dict[str, str]
    item: str
    order: str
    line: str
    basket: str
    account: str
    user: str
    stock: str
    entry: str
    languages: dict[str, str]
    topic: str
    partner: str


def _named(text: str) -> dict[str, str]:
    return dict(zip(ROLES, text.split(), strict=True))


BUSINESSES: Final = (
    Words(
        "shop",
        _named("gateway storefront catalog cart orders payments ledger inventory accounts mailer"),
        "product",
        "purchase",
        "purchase_line",
        "cart",
        "merchant_account",
        "customer",
        "stock_level",
        "ledger_entry",
        _named("go nodejs java nodejs java java python go dotnet python"),
        "orders.placed",
        "psp.example.net",
    ),
    Words(
        "travel",
        _named("edge-proxy portal offer-search itinerary booking billing accounting seat-map profiles notifier"),
        "offer",
        "booking",
        "segment",
        "itinerary",
        "agency_account",
        "traveller",
        "seat",
        "posting",
        _named("nodejs nodejs python go java python java java python nodejs"),
        "booking-confirmed",
        "cards.example.org",
    ),
    Words(
        "meals",
        _named("ingress mobile-bff menu basket-svc dispatch charge-api settlement kitchen identity push-worker"),
        "dish",
        "meal_order",
        "order_item",
        "basket",
        "restaurant_balance",
        "diner",
        "portion",
        "journal_line",
        _named("go go nodejs java python go dotnet nodejs java go"),
        "meals.order.accepted",
        "acquirer.example.com",
    ),
)

ERRORS: Final = {  # the same misfortune as each language's libraries call it
    "java": {
        "timeout": "java.net.SocketTimeoutException",
        "refused": "java.net.ConnectException",
        "pool": "java.sql.SQLTransientConnectionException",
        "rejected": "java.util.concurrent.RejectedExecutionException",
        "conflict": "org.springframework.dao.OptimisticLockingFailureException",
        "deadlock": "org.springframework.dao.CannotAcquireLockException",
        "duplicate": "org.springframework.dao.DuplicateKeyException",
        "status": "org.springframework.web.client.HttpServerErrorException",
        "null": "java.lang.NullPointerException",
        "value": "java.lang.IllegalStateException",
        "token": "io.jsonwebtoken.PrematureJwtException",
        "lock": "org.redisson.client.RedisTimeoutException",
        "memory": "java.lang.OutOfMemoryError",
    },
    "python": {
        "timeout": "httpx.ReadTimeout",
        "refused": "httpx.ConnectError",
        "pool": "sqlalchemy.exc.TimeoutError",
        "rejected": "gunicorn.errors.WorkerTimeout",
        "conflict": "sqlalchemy.orm.exc.StaleDataError",
        "deadlock": "psycopg.errors.DeadlockDetected",
        "duplicate": "psycopg.errors.UniqueViolation",
        "status": "httpx.HTTPStatusError",
        "null": "AttributeError",
        "value": "ValueError",
        "token": "jwt.exceptions.ImmatureSignatureError",
        "lock": "redis.exceptions.LockError",
        "memory": "MemoryError",
    },
    "nodejs": {
        "timeout": "AxiosError",
        "refused": "Error",
        "pool": "TimeoutError",
        "rejected": "ServiceUnavailableError",
        "conflict": "OptimisticLockError",
        "deadlock": "DatabaseError",
        "duplicate": "UniqueConstraintError",
        "status": "AxiosError",
        "null": "TypeError",
        "value": "RangeError",
        "token": "NotBeforeError",
        "lock": "ExecutionError",
        "memory": "RangeError",
    },
    "go": dict.fromkeys(
        (
            "timeout",
            "refused",
            "pool",
            "rejected",
            "conflict",
            "deadlock",
            "duplicate",
            "status",
            "null",
            "value",
            "token",
            "lock",
            "memory",
        ),
        "*errors.errorString",
    ),
    "dotnet": {
        "timeout": "System.Threading.Tasks.TaskCanceledException",
        "refused": "System.Net.Http.HttpRequestException",
        "pool": "System.InvalidOperationException",
        "rejected": "System.Threading.ThreadStateException",
        "conflict": "Microsoft.EntityFrameworkCore.DbUpdateConcurrencyException",
        "deadlock": "Npgsql.PostgresException",
        "duplicate": "Npgsql.PostgresException",
        "status": "System.Net.Http.HttpRequestException",
        "null": "System.NullReferenceException",
        "value": "System.ArgumentException",
        "token": "Microsoft.IdentityModel.Tokens.SecurityTokenNotYetValidException",
        "lock": "RedLockNet.RedLockException",
        "memory": "System.OutOfMemoryException",
    },
}
