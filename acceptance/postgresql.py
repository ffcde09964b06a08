"""The ledger's tests on PostgreSQL: on a server of its own that lives for the run, or on one that is given.

    python acceptance/postgresql.py [--url postgresql://USER@HOST/NAME]

Without a URL the programs of an installed PostgreSQL (Debian: `apt install postgresql`) make a database cluster in a
temporary folder, which is served on a socket there and removed afterwards. Every test that is written for any
database is run: records, budgets, conversations, tournaments, 8 processes with 1,000 writes each, `kill -9`. The exit
code is that of pytest; 3 when there is no PostgreSQL.
"""

from __future__ import annotations

import argparse
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
TESTS: Final = ("tests/ledger", "tests/app/test_converse.py", "tests/app/test_tournament.py")
# PostgreSQL refuses to run for root; Debian's package brings a user of this name.
_USER: Final = "postgres"


def programs() -> Path | None:
    """The folder of the newest PostgreSQL on this machine; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    known = str(found[-1]) if found else shutil.which("initdb")
    return Path(known).resolve().parent if known else None


@contextmanager
def throwaway_server(bin_: Path) -> Iterator[str]:
    """A server in a temporary folder; yields its URL."""
    user = _USER if os.geteuid() == 0 else pwd.getpwuid(os.geteuid()).pw_name
    with tempfile.TemporaryDirectory() as folder:
        shutil.chown(folder, user)
        data = f"{folder}/data"

        def run(program: str, *arguments: str) -> None:
            owner = user if os.geteuid() == 0 else None
            subprocess.run([bin_ / program, *arguments], check=True, user=owner, cwd=folder, stdout=subprocess.DEVNULL)

        run("initdb", "--pgdata", data, "--username", user, "--auth", "trust", "--no-sync")
        served_on = f"-c listen_addresses='' -c unix_socket_directories='{folder}'"
        run("pg_ctl", "--pgdata", data, "--wait", "--log", f"{folder}/log", "--options", served_on, "start")
        try:
            yield f"postgresql://{user}@/postgres?host={folder}"
        finally:
            run("pg_ctl", "--pgdata", data, "--mode", "immediate", "stop")


def tested(url: str) -> int:
    """Run the tests that any database has to pass."""
    environment = {**os.environ, "DCR_TEST_POSTGRES_URL": url}
    command = [sys.executable, "-m", "pytest", "-q", "-k", "postgresql", *TESTS]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def main() -> int:
    """Run the tests from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--url", default="", help="a server on which databases may be made")
    url = parser.parse_args().url
    if url:
        return tested(url)
    bin_ = programs()
    if bin_ is None:
        print("no PostgreSQL is installed here; install one, or give the URL of a server", file=sys.stderr)
        return 3
    with throwaway_server(bin_) as made:
        print(subprocess.run([bin_ / "postgres", "--version"], capture_output=True, text=True, check=True).stdout)
        return tested(made)


if __name__ == "__main__":
    raise SystemExit(main())
