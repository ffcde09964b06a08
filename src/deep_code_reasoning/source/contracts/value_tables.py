"""What calls make of texts, as data: what reads a variable, what gives back a text that it is given or called on."""

from __future__ import annotations

import re
from typing import Final

# What holds variables of the environment, or keys of the configuration.
ENVIRONMENTS: Final = re.compile(
    r"(?i)(?:environ|process\.env|import\.meta\.env|\benv|\$_(?:env|server)|configuration|config|settings)$"
)
# Ruby: `Rails.configuration.x.payments_url` is what `config.x.payments_url = ...` gave it.
SETTINGS: Final = re.compile(r"\b(?:configuration|config|settings|Settings)\b")
# What holds variables of the environment alone.
STRICT: Final = re.compile(r"(?i)(?:environ|process\.env|import\.meta\.env|\benv|\$_(?:env|server))$")
# Functions that read one.
READERS: Final = frozenset(
    "getenv Getenv GetEnvironmentVariable getEnv get_env LookupEnv GetValue GetConnectionString getProperty var "
    "GetString".split()
)
FORMATS: Final = frozenset({"Sprintf", "sprintf", "format", "Format", "formatted"})
# Functions that declare a queue, and give back what has its name.
DECLARES: Final = re.compile(r"(?i)queue_?declare|assertQueue|declare_?queue")
# Functions that give back what they are given, a little changed.
SAME: Final = frozenset(
    "URI URL Uri create String str parse to_string to_owned into String.valueOf toString TrimSuffix "
    "TrimRight TrimSpace trim rtrim encodeURI AnyHttpUrl SecretStr HttpUrl Parse as_str lazy from new quote must "
    "format_url topic Exchange Queue fromHttpUrl fromUriString fromUri fromPath target cast PathEscape quote_plus "
    "encodeURIComponent to_s RabbitExchange RabbitQueue".split()
)
# Methods that give back what they are called on, a little changed.
TRIMS: Final = frozenset(
    "rstrip strip lstrip replace replaceAll removesuffix removeSuffix trimEnd TrimEnd Trim chomp delete_suffix lower "
    "toLowerCase lowercase ToLower getOrThrow".split()
)
# Methods that are given what stands in for nothing.
DEFAULTS: Final = frozenset(
    "unwrap_or unwrap_or_else unwrap_or_default orElse orElseGet getOrElse getOrDefault".split()
)
# Methods that give back what they are called on.
UNWRAPS: Final = (
    frozenset("freeze expect unwrap get ok await block clone as_ref orElseThrow trim parse".split()) | SAME | TRIMS
)
