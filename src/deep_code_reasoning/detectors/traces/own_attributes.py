"""What applications say of their requests in attributes of their own names, and which of these may be keys: SQL."""

from __future__ import annotations

from typing import Final

# Attributes of conventions and tracers: what is left are the application's own.
_CONVENTIONS: Final = (
    "^(http|net|network|url|db|rpc|grpc|messaging|server|client|code|thread|otel|telemetry|process|host|k8s|user_agent"
    "|error|exception|peer|faas|cloud|container|os|service|deployment|span|internal|component|sampler|aws|gcp|azure"
    "|graphql|source|destination|tls|event|log|session|device|browser|runtime|jvm|library|sampling|trace)[._]"
    "|^(status|error|component|peer|kind|method|ttl|duration|host|db|queue|topic|region|zone|env|version)$"
)
ID_NAME: Final = r"(?i)(^|[._-]|[a-z])(id|key|uuid|guid|no|nr|number|code|sku|ref|reference|pk)$"
GIVEN: Final = f"""arrayFilter(pair -> pair.2 != '' AND length(pair.2) <= 80 AND NOT match(pair.1, '{_CONVENTIONS}'),
    arrayZip(arrayMap(key -> toString(key), mapKeys(attributes)), mapValues(attributes)))"""
"""The attributes of a span that no convention knows, short ones: names and values."""
GIVEN_TYPE: Final = "Array(Tuple(String, String))"

# Keys among them: those that are called like the object (`about`), else those that are called ids, else any.
ALIKE: Final = """arrayFilter(pair -> arrayExists(word -> length(word) >= 4 AND position(about, word) > 0,
    splitByRegexp('[._-]', lower(pair.1))), given)"""
IDS: Final = f"arrayFilter(pair -> match(pair.1, '{ID_NAME}'), given)"
KEYS: Final = "arrayDistinct(arrayMap(pair -> pair.2, multiIf(notEmpty(alike), alike, notEmpty(ids), ids, given)))"
# One key is the row's where it is called so; what else requests say of themselves may be shared by many.
SURE: Final = "length(names) = 1 AND notEmpty(arrayConcat(alike, ids))"
NAMES: Final = f"alike {GIVEN_TYPE}, ids {GIVEN_TYPE}, names Array(String)"
"""The columns of `ALIKE`, `IDS`, and the keys, for tables."""
