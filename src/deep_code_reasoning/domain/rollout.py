"""What became of a deploy, and which environments serve nobody: the few words that readers and analysers share.

An outcome is one word in the attributes of a deploy: none where it went live, as far as its source says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

# The run failed, was called off, or had not begun when it was written down; nothing says that any of it went live.
FAILED: Final = "failed"
CANCELLED: Final = "cancelled"
PENDING: Final = "pending"
# It stopped half-way: some instances run it.
PARTIAL: Final = "partial"
# It was live until it was taken back.
ROLLED_BACK: Final = "rolled_back"

# Outcomes of deploys that never were live, with what is said of such a one.
NEVER_LIVE: Final[Mapping[str, str]] = {
    FAILED: "its deploy failed, and nothing says that any of it went live",
    CANCELLED: "its deploy was called off and never went live",
    PENDING: "its deploy had not begun",
}

_PRODUCTION: Final = frozenset({"prod", "production", "prd", "live"})
_NOT_QUITE: Final = frozenset({"pre", "non", "not"})
_REHEARSALS: Final = frozenset(
    """staging stage stg preview previews dev devel develop development test tests testing qa uat sandbox sbx int
    integration preprod preproduction nonprod acceptance ephemeral review reviews local loadtest perf pr mr""".split()
)


def is_rehearsal(environment: str) -> bool:
    """Whether an environment is one that serves nobody but those who build the system, by what it is called."""
    words = {word for word in re.split(r"[^a-z]+", environment.lower()) if word}
    if words & _PRODUCTION:
        return bool(words & _NOT_QUITE)
    return bool(words & _REHEARSALS)
