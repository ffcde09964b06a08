"""What `dcr investigate` says of made evidence: the command as anybody would run it, for the demonstrations."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def ask(arguments: Sequence[str]) -> tuple[dict[str, Any], float]:
    """The answer to `dcr investigate ARGUMENTS`, and the seconds that it took; ends the process when `dcr` fails."""
    dcr = str(Path(sys.executable).with_name("dcr"))
    started = time.perf_counter()
    done = subprocess.run(
        [dcr, "investigate", *arguments, "--format", "json"], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        sys.exit(done.returncode)
    return json.loads(done.stdout), time.perf_counter() - started
