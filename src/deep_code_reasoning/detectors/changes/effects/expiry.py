"""Rules by which a store deletes what has come of age: of objects, images, documents, partitions.

Amazon S3's lifecycle configuration (`Expiration`, `Filter`), Google's (`action: Delete`, `age`), Azure's
(`daysAfterModificationGreaterThan`), registries' cleanup policies. A rule without a filter holds for all that the store
has, whoever put it there; it is carried out once a day, so that what it deletes is missed hours later.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from ..diff import Hunk
from ..effect import Effect, each_hunk

_RULES: Final = re.compile(
    r"(?i)lifecycle|expiration|delete_?after|cleanup_?polic|retention_?polic|management_?policy|expireAfterSeconds"
)
# Tokens and entries of caches expire too.
_OF_STORES: Final = re.compile(
    r"(?i)lifecycle|bucket|blob|storage|\bs3\b|\bgcs\b|management_?policy|cleanup|registry|repositor|expireAfterSeconds"
)
_DELETES: Final = re.compile(
    r"(?i)\bexpiration(?:_?in_?days)?\b|\bdays_?after_?(?:modification|creation)\w*|\bdelete_?after\w*|type\W{1,5}(?:delete|expire)\b"
    r"|\bexpireAfterSeconds\b|\bexpire\b"
)
_AGE: Final = re.compile(
    r"(?i)\b(?:days|age|expiration_?in_?days|days_?after_?\w+|delete_?after\w*|expireAfterSeconds|count_?number)\b\W{1,6}(\d+)"
)
_NARROWED: Final = re.compile(
    r"(?i)\b(?:prefix|matches_?prefix|match_?prefix|tag_?prefix\w*|tag)\b\W{1,8}[\"'\w\[]*([\w./-]{2,})"
)
# What clients of object stores call what they ask for, and what they are told when it is gone.
_OF_OBJECTS: Final = (
    "HeadObject", "GetObject", "NoSuchKey", "BlobNotFound", "storage.objects.get", "manifest unknown", "No such object",
)  # fmt: skip


def _expires(hunk: Hunk) -> Iterator[Effect]:
    texts = (hunk.path, *(line.code for line in hunk.lines))
    if not any(_RULES.search(text) for text in texts) or not any(_OF_STORES.search(text) for text in texts):
        return
    old, new = ([line.code for line in lines] for lines in (hunk.removed, hunk.added))
    deletes = next((code for code in new if _DELETES.search(code)), "")
    before, after = (
        [int(age) for code in codes for age in _AGE.findall(code)]
        for codes in (old, [line.code for line in hunk.added])
    )
    narrow = [found[1] for line in hunk.after if (found := _NARROWED.search(line.code))]
    was = [found[1] for code in old if (found := _NARROWED.search(code))]
    sooner = bool(before and after and min(after) < min(before))
    wider = bool(was) and not narrow
    if not (deletes and after and not any(_DELETES.search(code) for code in old)) and not sooner and not wider:
        return
    what = f"of {', '.join(narrow[:3])}" if narrow else "of all that is there"
    shown = deletes or (new or old)[0]
    says = f"deletes what has come of age, {what}: `{shown[:80]}`"
    subjects = tuple(narrow) if narrow else _OF_OBJECTS
    yield Effect("objects_expire", says, hunk.path, subjects, sureness=0.4 if narrow else 0.95)


extract: Final = each_hunk({_expires: "config code"})
