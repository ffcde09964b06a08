"""Input that is now refused: a check, a constraint or a required member that was not there before."""

from __future__ import annotations

import re
from typing import Final

from ..code import is_import, is_log_statement, without_strings
from ..diff import Hunk, Line, Patch
from ..effect import Effect

# Declarations of common validators (pydantic, Bean Validation, zod, joi, JSON schema, Go tags, Rails, Laravel, gRPC).
_VALIDATES: Final = re.compile(
    r"(?i)\bcon(?:str|int|list|float|decimal)\s*\(|\bField\(.*\b(?:pattern|regex|min_length|max_length|ge|gt|le|lt)="
    r"|@(?:Pattern|NotNull|NotBlank|NotEmpty|Size|Min|Max|Email|Valid(?:ated)?|Digits|Positive|Past|Future)\b"
    r"|\bz\.\w+\(.*\)\.(?:regex|min|max|email|uuid|nonempty|strict|refine)|\.(?:strict|required|refine)\(\)"
    r"|additionalProperties|\bextra\b\W+forbid|Extra\.forbid|disallowUnknown\w*|FAIL_ON_UNKNOWN\w*|deny_unknown_fields|MemberHandling\W+.*(?:Disallow|Error)\b|\brequired\b\s*[:=](?!\s*[\"']?false)|\bvalidates?\w*\b|binding:\"|validate:\"|InvalidArgument\b"
    r"|\b(?:raise|throw|throws|return)\b.*(?:Validation|BadRequest|InvalidArgument|IllegalArgument|Unprocessable|"
    r"ValueError|HttpError|HTTPException)|(?:Status)?BadRequest\b|\b(?:400|422)\b"
)
_NAME: Final = re.compile(r"[A-Za-z_$][\w$]{2,}")


def extract(patch: Patch) -> list[Effect]:
    """The first check that each file adds."""
    return [effect for hunk in patch.running if hunk.kind in ("code", "schema") for effect in _added(hunk, patch)]


def _added(hunk: Hunk, patch: Patch) -> list[Effect]:
    checks = [[line for line in lines if _checks(line.code)] for lines in (hunk.removed, hunk.added)]
    checks[1] = [line for line in checks[1] if not _is_of_new_option(line, patch)]
    if len(checks[1]) <= len(checks[0]):
        return []
    names = tuple(dict.fromkeys(name for line in checks[1] for name in _NAME.findall(line.code)))[:12]
    says = f"refuses more of its input: `{checks[1][0].code[:80]}`"
    return [Effect("validation_added", says, hunk.path, names, sureness=0.85)]


def _is_of_new_option(line: Line, patch: Patch) -> bool:
    """Whether a check is of a member that comes with the patch and may be left out: nobody sends it yet."""
    subject = _SUBJECT.search(line.code)
    if subject is None or not _OPTIONAL.search(line.code):
        return False
    name = re.compile(rf"\b{re.escape(subject[1] or subject[2])}\b")
    if any(name.search(other.code) for hunk in patch.running for other in hunk.before):
        return False
    return subject[2] is not None or any(other is not line and name.search(other.code) for other in patch.added)


# What a check is of: Rails' symbol, or the member that the line declares itself.
_SUBJECT: Final = re.compile(r"^\s*validates?\w*\s+:(\w+)|^[\"']?(\w+)[\"']?\s*[:=]")
_OPTIONAL: Final = re.compile(
    r"\ballow_(?:nil|blank)\b|\boptional\b|\bOptional\[|\bnullable\b|\bnullish\b|\|\s*None\b|\brequired\s*[:=]\s*[Ff]alse|\bblank=True|"
    r"\bomitempty\b|\bsometimes\b"
)


# The same declarations, switched so that they refuse nothing.
_LETS_PASS: Final = re.compile(
    r"(?i)\bdisable\w*\(.*FAIL_ON|FAIL_ON_\w+\s*[,:=]\s*false|additionalProperties[\"']?\s*[:=]\s*true|\bextra\b\W+(?:ignore|allow)|ignoreUnknown\s*=\s*true"
    r"|failOnUnknown\w*\(?\s*[=:]?\s*false"
)


def _checks(code: str) -> bool:
    return not (is_import(code) or is_log_statement(code) or _LETS_PASS.search(code)) and (
        _VALIDATES.search(code) is not None or "must" in without_strings(code).lower().split()
    )
