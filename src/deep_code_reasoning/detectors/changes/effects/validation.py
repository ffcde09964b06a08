"""Input that is now refused: a check, a constraint or a required member that was not there before."""

from __future__ import annotations

import re
from typing import Final

from ..code import is_import, is_log_statement, without_strings
from ..diff import Hunk, Patch
from ..effect import Effect

# Declarations of common validators (pydantic, Bean Validation, zod, joi, JSON schema, Go tags, Rails, Laravel, gRPC).
_VALIDATES: Final = re.compile(
    r"(?i)\bcon(?:str|int|list|float|decimal)\s*\(|\bField\(.*\b(?:pattern|regex|min_length|max_length|ge|gt|le|lt)="
    r"|@(?:Pattern|NotNull|NotBlank|NotEmpty|Size|Min|Max|Email|Valid(?:ated)?|Digits|Positive|Past|Future)\b"
    r"|\bz\.\w+\(.*\)\.(?:regex|min|max|email|uuid|nonempty|strict|refine)|\.(?:strict|required|refine)\(\)"
    r"|additionalProperties|\bextra\b\W+forbid|Extra\.forbid|disallowUnknown\w*|FAIL_ON_UNKNOWN\w*|\brequired\b\s*[:=]|\bvalidates?\w*\b|binding:\"|validate:\"|InvalidArgument\b"
    r"|\b(?:raise|throw|throws|return)\b.*(?:Validation|BadRequest|InvalidArgument|IllegalArgument|Unprocessable|"
    r"ValueError|HttpError|HTTPException)|(?:Status)?BadRequest\b|\b(?:400|422)\b"
)
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]{2,}")


def extract(patch: Patch) -> list[Effect]:
    """The first check that each file adds."""
    return [effect for hunk in patch.running if hunk.kind in ("code", "schema") for effect in _added(hunk)]


def _added(hunk: Hunk) -> list[Effect]:
    checks = [[line for line in lines if _checks(line.code)] for lines in (hunk.removed, hunk.added)]
    if len(checks[1]) <= len(checks[0]):
        return []
    names = tuple(dict.fromkeys(name for line in checks[1] for name in _NAME.findall(line.code)))[:12]
    says = f"refuses more of its input: `{checks[1][0].code[:80]}`"
    return [Effect("validation_added", says, hunk.path, names, sureness=0.85)]


def _checks(code: str) -> bool:
    return not (is_import(code) or is_log_statement(code)) and (
        _VALIDATES.search(code) is not None or "must" in without_strings(code).lower().split()
    )
