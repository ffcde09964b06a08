"""Which files hold secrets by their name and are never read: `.env` and its kin, private keys, keystores, credentials.

Names say it well: these files are where tools look for secrets. Templates of them (`.env.example`) hold placeholders
and explain a configuration, so they may be read; what somebody left in one is taken out like any secret in a text.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Final

_TEMPLATE: Final = re.compile(
    r"[._-](?:example|sample|template|tmpl|dist|defaults?|schema)(?:\.(?:json|ya?ml|toml|ini|xml|properties|txt))?$"
)

# Kind -> names of files, lower case.
_NAMES: Final = {
    "environment file": re.compile(r"\.env(?:rc)?(?:[._-].*)?|.*\.env|env\.(?:local|prod|production)"),
    "private key": re.compile(
        r"id_(?:rsa|dsa|ecdsa|ed25519)(?:_sk)?|.*\.(?:pem|key|ppk|p8|pvk|priv)|.*(?:private|secret)[._-]?key"
    ),
    "keystore": re.compile(r".*\.(?:p12|pfx|jks|jceks|bcfks|keystore|truststore|kdbx?|keytab|asc|gpg|pgp)"),
    "credentials": re.compile(
        r"\.(?:netrc|pgpass|my\.cnf|npmrc|yarnrc\.yml|pypirc|htpasswd|git-credentials|dockercfg|s3cfg|boto|vault-token)"
        r"|_netrc|credentials|(?:aws|gcp|gcloud|google|db|database|service)?[._-]?credentials?(?:[._-].*)?"
        r"|.*[._-]credentials\.(?:json|ya?ml|toml|ini|xml|properties)|service[._-]?account.*\.json|client_secret.*\.json"
        r"|secrets?\.(?:json|ya?ml|toml|ini|env|properties|xml|tfvars)|.*\.(?:tfvars|tfstate)(?:\.json|\.backup)?"
        r"|kubeconfig|shadow|application_default_credentials\.json"
    ),
}
# Folders in which everything is a secret.
_FOLDERS: Final = frozenset({".ssh", ".gnupg", ".aws", ".azure", ".gcloud", ".kube", ".password-store"})
# Source code of that name handles secrets and does not hold them: `credentials.py` is a module.
_CODE: Final = re.compile(
    r".*\.(?:py|pyi|[cm]?js|jsx|tsx?|java|kts?|go|rs|rb|php|cs|c|cc|cpp|h|hpp|scala|swift|exs?|clj|hs|ml|sh|md|rst|html"
    r"|css|proto|sql)"
)
_KEY_HEAD: Final = re.compile(
    r"\s*(?:Bag Attributes[^-]*)?-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----|\s*PuTTY-User-Key-File-"
)


def secret_kind(path: PurePath) -> str | None:
    """What kind of secret a file of that path holds, or None. Only the part below a root should be given."""
    if _FOLDERS.intersection(part.lower() for part in path.parts[:-1]):
        return "credentials"
    name = path.name.lower()
    if name == "config.json" and ".docker" in path.parts:
        return "credentials"
    if _TEMPLATE.search(name) or _CODE.fullmatch(name):
        return None
    return next((kind for kind, names in _NAMES.items() if names.fullmatch(name)), None)


def is_private_key(text: str) -> bool:
    """Whether a file is a private key, whatever its name."""
    return _KEY_HEAD.match(text) is not None
