"""Real code in every tier that this machine has, and every way out of it that we could think of."""

from __future__ import annotations

import json
import os
import platform
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from deep_code_reasoning.domain.experiment import Experiment, ExperimentLimits, TierReport
from deep_code_reasoning.errors import SandboxError, UsageError
from deep_code_reasoning.sandbox import prelude
from deep_code_reasoning.sandbox.tiers import cpython
from deep_code_reasoning.sandbox.tiers.base import Tier

QUICK = ExperimentLimits(seconds=1.0, memory_bytes=64 * 2**20, output_bytes=2000)
AMPLE = ExperimentLimits(seconds=60.0)
ESCAPES = Path(__file__).with_name("escapes.py")


def needs(tier: Tier, ability: str) -> None:
    if ability not in tier.abilities:
        pytest.skip(f"{tier.name} offers no {ability}")


def test_the_tier_that_is_always_there_is_there(reports: dict[str, TierReport]) -> None:
    assert reports["monty"].ok, reports["monty"].detail


def test_code_runs_reads_its_files_and_prints(tier: Tier) -> None:
    code = """
import json, math, re
rows = json.loads(open("data/spans.json").read())
def p50(values):
    values = sorted(values)
    return values[len(values) // 2]
slow = [row for row in rows if row["ms"] > 100]
print(len(slow), p50([row["ms"] for row in rows]), math.floor(2.5), re.sub("a", "b", "banana"))
"""
    rows = [{"ms": n} for n in range(0, 300, 7)]
    result = tier.run(Experiment(code, {"data/spans.json": json.dumps(rows).encode()}, limits=AMPLE))
    assert (result.status, result.stdout, result.detail) == ("finished", "28 147 2 bbnbnb\n", "")
    assert result.tier == tier.name
    assert result.duration_s > 0


def test_the_whole_language_is_there_where_it_is_promised(tier: Tier) -> None:
    needs(tier, "python")
    code = """
import collections, dataclasses, sqlite3, statistics, lib.helper
def numbers():
    yield from range(4)
print(statistics.mean(numbers()), lib.helper.ANSWER, sqlite3.connect(":memory:").execute("select 1 + 1").fetchone())
"""
    files = {"lib/__init__.py": b"", "lib/helper.py": b"ANSWER = 42"}
    result = tier.run(Experiment(code, files, limits=AMPLE))
    assert (result.status, result.stdout) == ("finished", "1.5 42 (2,)\n"), result.stderr


def test_threads_and_event_loops_are_there_where_they_are_promised(tier: Tier) -> None:
    needs(tier, "asyncio")
    waits = "import asyncio\nasync def f():\n    await asyncio.sleep(0.01)\n    return 7\nprint(asyncio.run(f()))"
    assert tier.run(Experiment(waits, limits=AMPLE)).stdout == "7\n"
    needs(tier, "threads")
    pool = (
        "from concurrent.futures import ThreadPoolExecutor\n"
        "with ThreadPoolExecutor(4) as pool:\n    print(sum(pool.map(len, ['ab'] * 50)))"
    )
    result = tier.run(Experiment(pool, limits=AMPLE))
    assert result.stdout == "100\n", result.stderr


def test_numpy_is_there_where_it_is_promised(tier: Tier) -> None:
    needs(tier, "numpy")
    result = tier.run(Experiment("import numpy\nprint(int(numpy.arange(5).sum()))", limits=AMPLE))
    assert result.stdout == "10\n", result.stderr


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("1 / 0", "failed"),
        ("x = (", "failed"),
        ("raise SystemExit('no')", "failed"),
        ("print('done')\nraise SystemExit()", "finished"),
        ("while True:\n    pass", "timed_out"),
        ("import time\ntime.sleep(1000)", "timed_out"),
        ("held = []\nwhile True:\n    held.append(b'x' * 2**20)", "out_of_memory"),
        ("while True:\n    print('x' * 100)", "too_much_output"),
    ],
)
def test_what_stops_an_experiment_is_said(tier: Tier, code: str, status: str) -> None:
    started = time.monotonic()
    result = tier.run(Experiment(code, limits=QUICK))
    assert result.status == status, result
    assert bool(result.detail) == (status != "finished")
    assert len(result.stdout.encode()) <= QUICK.output_bytes
    assert time.monotonic() - started < 60


def test_an_error_names_the_line_and_nothing_of_ours(tier: Tier) -> None:
    result = tier.run(Experiment("def f():\n    raise ValueError('odd')\n\nf()\n", limits=AMPLE))
    assert result.status == "failed"
    assert result.detail == "ValueError: odd"
    assert "line 4" in result.stderr
    assert "raise ValueError('odd')" in result.stderr
    assert "prelude" not in result.stderr


def test_code_that_a_subset_does_not_know_is_unsupported_and_no_verdict(tier: Tier) -> None:
    if "python" in tier.abilities:
        pytest.skip(f"{tier.name} knows all of Python")
    assert tier.run(Experiment("import statistics", limits=QUICK)).status == "unsupported"
    assert tier.run(Experiment("def f():\n    yield 1\nprint(list(f()))", limits=QUICK)).status == "unsupported"


@pytest.mark.parametrize("name", ["/etc/passwd", "../out.txt", "a/../../out.txt", "", ".", "a\0b"])
def test_a_file_of_an_experiment_stays_inside(tier: Tier, name: str) -> None:
    with pytest.raises(UsageError):
        tier.run(Experiment("print(1)", {name: b"x"}, limits=QUICK))


def test_nothing_is_left_of_an_experiment(tier: Tier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    children = set(descendants(os.getpid()))
    tier.run(Experiment("while True:\n    pass", {"a.txt": b"x"}, limits=QUICK))
    tier.run(Experiment("print(open('a.txt').read())", {"a.txt": b"x"}, limits=QUICK))
    assert list(tmp_path.glob("dcr-*")) == []
    assert wait_until(lambda: set(descendants(os.getpid())) <= children)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="looks into /proc")
def test_an_experiment_ends_with_the_process_that_wanted_it(tier: Tier, tmp_path: Path) -> None:
    # An interpreter that does not hear of it ends when the experiment's time is up.
    seconds = 600.0 if "python" in tier.abilities else 4.0
    code = f"""
from pathlib import Path
from deep_code_reasoning.domain.experiment import Experiment, ExperimentLimits
from deep_code_reasoning.sandbox.sandbox import known_tiers
tier = next(t for t in known_tiers(Path({str(getattr(tier, "cache", Path()).parent)!r})) if t.name == {tier.name!r})
tier.run(Experiment("while True:\\n    pass", limits=ExperimentLimits(seconds={seconds})))
"""
    # What is killed cannot tidy up: its folder is left in the test's.
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    runner = subprocess.Popen([sys.executable, "-c", code], env=environment, start_new_session=True)
    try:
        # It has begun when something below it has used a fifth of a second of a processor for itself.
        assert wait_until(lambda: any(cpu_s(child) > 0.2 for child in leaves(runner.pid)), 60)
        held = descendants(runner.pid)
    finally:
        os.kill(runner.pid, signal.SIGKILL)
        runner.wait()
    assert held
    assert wait_until(lambda: not any(is_running(pid) for pid in held)), [pid for pid in held if is_running(pid)]


def test_no_way_out_leads_out(tier: Tier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    token = secrets.token_hex(8)
    monkeypatch.setenv("DCR_TEST_API_KEY", token)
    secret, spare = tmp_path / "secret.txt", tmp_path / "spare.txt"
    for path in (secret, spare):
        path.write_text(token)
        path.chmod(0o600)
    before = secret.stat()
    victim = subprocess.Popen(["sleep", "600"], env={"TOKEN": token})
    with tempfile.TemporaryDirectory() as short, socket.create_server(("127.0.0.1", 0)) as server:
        targets, sockets = listen_everywhere(Path(short), server)
        targets |= {"secret": str(secret), "spare": str(spare), "folder": str(tmp_path), "token": token}
        try:
            files = {"targets.json": json.dumps({**targets, "pid": victim.pid}).encode()}
            result = tier.run(Experiment(ESCAPES.read_text(), files, limits=AMPLE))
            limits = Path(f"/proc/{victim.pid}/limits").read_text() if Path("/proc/self/limits").exists() else ""
            niceness = os.getpriority(os.PRIO_PROCESS, victim.pid)
        finally:
            victim.kill()
            victim.wait()
            for opened in sockets:
                opened.close()
    assert (result.status, result.stdout) == ("finished", "TRIED 49\n"), result
    assert token not in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["secret.txt", "spare.txt"]
    assert (secret.read_text(), spare.read_text()) == (token, token)
    after = secret.stat()
    assert (after.st_mode, after.st_uid, after.st_mtime_ns) == (before.st_mode, before.st_uid, before.st_mtime_ns)
    assert " 999 " not in limits
    assert niceness == os.getpriority(os.PRIO_PROCESS, 0)


def test_the_hostile_experiment_does_get_out_where_nothing_holds_it(tmp_path: Path) -> None:
    """The attempts above are real ones: without a sandbox most of them succeed, on things made for the purpose."""
    if platform.machine() != "x86_64":
        pytest.skip("the system calls by number are those of x86-64")
    for name in ("secret.txt", "spare.txt"):
        (tmp_path / name).write_text("token")
    (tmp_path / "work").mkdir()
    victim = subprocess.Popen(["sleep", "600"])
    with tempfile.TemporaryDirectory() as short, socket.create_server(("127.0.0.1", 0)) as server:
        targets, sockets = listen_everywhere(Path(short), server)
        targets |= {"secret": f"{tmp_path}/secret.txt", "spare": f"{tmp_path}/spare.txt", "folder": str(tmp_path)}
        (tmp_path / "work" / "targets.json").write_text(json.dumps({**targets, "pid": victim.pid, "token": "token"}))
        harmless = ESCAPES.read_text()
        # These would act on the test's own system, so they are tried in sandboxes alone.
        for name in (
            "mount_something",
            "make_namespaces",
            "change_the_root",
            "use_the_keyring",
            "fork",
            "clone_by_hand",
            "clone3_by_hand",
            "share_memory_with_others",
            "append_to_its_own_code",
            "type_into_the_terminal",
        ):
            harmless = harmless.replace(f'    ("{name}", {name}),\n', "")
        try:
            done = subprocess.run(
                [sys.executable, "-c", harmless], cwd=tmp_path / "work", capture_output=True, text=True, timeout=60
            )
        finally:
            victim.kill()
            victim.wait()
            for opened in sockets:
                opened.close()
    reached = {line.split()[1] for line in done.stdout.splitlines() if line.startswith("REACHED")}
    assert {
        "read_secret",
        "write_beside_it",
        "change_its_mode",
        "remove_it",
        "connect_over_tcp",
        "send_over_udp",
        "connect_to_a_socket_in_a_file",
        "connect_to_an_abstract_socket",
        "send_to_a_datagram_socket_from_a_pair",
        "spawn",
        "run_a_program",
        "signal_the_victim",
        "lower_the_limits_of_the_victim",
        "change_the_priority_of_the_victim",
        "make_a_file_in_memory",
    } <= reached, done.stderr


def listen_everywhere(folder: Path, server: socket.socket) -> tuple[dict[str, object], list[socket.socket]]:
    """Sockets of every kind for an experiment to reach, and how to name them."""
    abstract = f"dcr-{secrets.token_hex(8)}"
    opened = [
        socket.socket(socket.AF_UNIX, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_STREAM, socket.SOCK_DGRAM)
    ]
    names = [f"{folder}/stream", f"\0{abstract}", f"{folder}/datagrams"]
    for one, name in zip(opened, names, strict=True):
        one.bind(name)
        if one.type == socket.SOCK_STREAM:
            one.listen()
    port = server.getsockname()[1]
    return {"port": port, "socket": names[0], "abstract": abstract, "datagrams": names[2]}, opened


def wait_until(holds, within_s: float = 10.0) -> bool:  # type: ignore[no-untyped-def]
    """Wait for a condition."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return bool(holds())


def stat_of(pid: int) -> list[str]:
    """The fields of /proc/PID/stat behind the program's name; empty when the process is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def is_running(pid: int) -> bool:
    fields = stat_of(pid)
    return bool(fields) and fields[0] not in "ZX"


def cpu_s(pid: int) -> float:
    fields = stat_of(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def descendants(pid: int) -> list[int]:
    """Living processes below one."""
    parents = {int(path.name): stat_of(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    found, queue = [], [pid]
    while queue:
        parent = queue.pop()
        for child, fields in parents.items():
            if fields and fields[0] not in "ZX" and int(fields[1]) == parent:
                found.append(child)
                queue.append(child)
    return found


def leaves(pid: int) -> list[int]:
    """Processes below one that have none below themselves."""
    below = descendants(pid)
    return [child for child in below if not descendants(child)]


def test_a_sandbox_that_does_not_start_is_an_error_and_no_result(tier: Tier, monkeypatch: pytest.MonkeyPatch) -> None:
    if tier.name not in ("bubblewrap", "sandlock"):
        pytest.skip(f"{tier.name} starts no interpreter of this machine")
    broken = [str(cpython.interpreter()), "-S", "-c", "import no_such_module"]
    monkeypatch.setattr(cpython, "command", lambda stage, limits: broken)
    with pytest.raises(SandboxError, match="no_such_module"):
        tier.run(Experiment("print(1)", limits=QUICK))


def test_the_prelude_runs_nothing_when_it_cannot_close_the_sandbox(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text("print('ran')")
    config = {"code": str(code), "folder": str(tmp_path), "memory_bytes": 2**28, "cpu_s": 5}
    # Without the filter beside it.
    alone = tmp_path / "prelude.py"
    alone.write_bytes(Path(prelude.__file__).read_bytes())
    done = subprocess.run(
        [sys.executable, "-E", "-s", "-S", "-B", str(alone), json.dumps(config)], capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (prelude.NOT_CLOSED, "")
    assert "could not be closed" in done.stderr
