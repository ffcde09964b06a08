"""What the text of an error tells of its mechanism."""

from __future__ import annotations

import pytest

from deep_code_reasoning.detectors.vocabulary.told import is_of_its_own, told_mechanism


@pytest.mark.parametrize(
    ("text", "mechanism", "own"),
    [
        ("could not extend file: No space left on device", "disk_saturation", True),
        ("APPLICATION FAILED TO START: Could not resolve placeholder 'a.b'", "startup_failure", True),
        ('FATAL: password authentication failed for user "app"', "configuration", True),
        ('ERROR: column "region" does not exist', "schema_mismatch", True),
        ("x509: certificate has expired or is not yet valid", "certificate_expired", True),
        ("HikariPool-1 - Connection is not available, request timed out", "connection_pool_exhausted", False),
        ("HTTPConnectionPool(host='a', port=80): Read timed out", "exception", False),
        ("Bulkhead 'stock' is full and does not permit further calls", "thread_pool_exhausted", False),
        ("lease acct:7 is not held by pay-1: expired 40 ms ago", "lock_lease_expired", True),
        ("etcdserver: requested lease not found", "lock_lease_expired", True),
        ("MissingFieldException: Field 'sku' is required for type with serial name 'a.Line'", "schema_mismatch", True),
        ("503 Service Unavailable", "exception", False),
        ("connect ECONNREFUSED stock:8080", "exception", False),
        ("Cannot read properties of undefined (reading 'total')", "exception", True),
    ],
)
def test_an_error_tells_its_mechanism_where_it_names_one(text: str, mechanism: str, own: bool) -> None:
    assert (told_mechanism(text), is_of_its_own(text)) == (mechanism, own)
