"""Calls that were paid for while the ledger could not be written: kept in a file beside it until it can be.

One JSON object a line, each written under a lock and synced. Whoever opens the ledger next takes the file over
(by renaming it, so that only one does), records the calls, and removes it. A line that was torn stays, in a file that
ends in `.torn`.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from ..domain.call import Call, Verification
from ..domain.usage import Usage


class Rescue:
    """The file of calls that are not in the ledger yet."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def keep(self, call: Call) -> None:
        """Append a call.

        Raises:
            OSError: when that fails too.
        """
        # The line before it may have been torn: it begins on a new one.
        line = f"\n{json.dumps(asdict(call), default=str)}\n"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            with open(self._path, "ab", opener=_private) as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                if _is_at(file, self._path):
                    file.write(line.encode("utf-8", "backslashreplace"))
                    file.flush()
                    os.fsync(file.fileno())
                    return
            # It was taken over between its opening and its locking.

    def recover(self, record: Callable[[Call], None]) -> int:
        """Hand every kept call to `record`; returns how many. What it raises leaves the rest for the next time."""
        with suppress(OSError):  # there is none, or none can be there
            self._path.rename(self._path.with_suffix(f".{secrets.token_hex(4)}.taken"))
        # Those that an earlier process took over and did not finish are among them; to record a call twice is harmless.
        return sum(_recover(taken, record) for taken in sorted(self._path.parent.glob(f"{self._path.stem}.*.taken")))


def _recover(taken: Path, record: Callable[[Call], None]) -> int:
    recovered, torn = 0, []
    with suppress(FileNotFoundError), taken.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # who still writes to it has done so when this returns
        for line in file if _is_at(file, taken) else ():
            if not line.strip():
                continue
            call = _read(line)
            if call is None:
                torn.append(line)
            else:
                record(call)
                recovered += 1
        if torn:
            taken.with_suffix(".torn").write_bytes(b"".join(torn))
        taken.unlink(missing_ok=True)
    return recovered


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _is_at(file: IO[bytes], path: Path) -> bool:
    """Whether an open file is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _read(line: bytes) -> Call | None:
    try:
        fields: dict[str, Any] = json.loads(line)
        cost, verification = fields["total_cost_usd"], fields["verification"]
        return Call(
            **{
                **fields,
                "usage": Usage(**fields["usage"]),
                "total_cost_usd": None if cost is None else Decimal(cost),
                "verification": None if verification is None else Verification(**verification),
            }
        )
    except (ValueError, TypeError, KeyError, ArithmeticError):
        return None
