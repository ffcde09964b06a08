"""The filter's verdicts, on both architectures, by running its program as the kernel would."""

from __future__ import annotations

import struct

import pytest

from deep_code_reasoning.sandbox import seccomp

ALLOW, KILL, EPERM, ENOSYS = 0x7FFF0000, 0x80000000, 0x00050001, 0x00050026
PID = 4242


def verdict(machine: str, number: int, *arguments: int, architecture: int | None = None) -> int:
    """Run a classic BPF program over one system call (Linux, Documentation/networking/filter.rst)."""
    program = list(struct.iter_unpack("=HBBI", seccomp.build(machine, PID)))
    architecture = seccomp.MACHINES[machine][0] if architecture is None else architecture
    padded = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=IIQ6Q", number, architecture, 0, *padded)
    accumulator = place = 0
    while True:
        code, if_true, if_false, value = program[place]
        place += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif code == 0x54:
            accumulator &= value
        elif code == 0x06:
            return int(value)
        else:
            holds = {0x15: accumulator == value, 0x35: accumulator >= value, 0x45: bool(accumulator & value)}[code]
            place += if_true if holds else if_false


@pytest.fixture(params=["x86_64", "aarch64"])
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def number(machine: str, pair: tuple[int | None, int | None]) -> int:
    found = pair[seccomp.MACHINES[machine][1]]
    assert found is not None
    return found


def test_what_cpython_needs_is_allowed(machine: str) -> None:
    for name in ("read", "write", "openat", "mmap", "futex", "getrandom", "exit_group", "clock_gettime"):
        assert verdict(machine, number(machine, seccomp.ALLOWED[name])) == ALLOW, name


def test_all_that_is_not_listed_is_refused(machine: str) -> None:
    column = seccomp.MACHINES[machine][1]
    listed = {pair[column] for pair in seccomp.ALLOWED.values()}
    special = {
        pair[column]
        for pair in (
            seccomp.CLONE,
            seccomp.CLONE3,
            seccomp.FCNTL,
            seccomp.IOCTL,
            seccomp.PRLIMIT64,
            seccomp.SOCKETPAIR,
            seccomp.TGKILL,
            seccomp.PRCTL,
        )
    }
    for call in range(600):
        if call not in listed | special:
            assert verdict(machine, call) == EPERM, call


def test_a_thread_may_be_made_and_a_process_may_not(machine: str) -> None:
    thread_flags, fork_flags = 0x3D0F00, 0x01200011
    assert verdict(machine, number(machine, seccomp.CLONE), thread_flags) == ALLOW
    assert verdict(machine, number(machine, seccomp.CLONE), fork_flags) == EPERM
    assert verdict(machine, number(machine, seccomp.CLONE3), 1, 88) == ENOSYS


def test_limits_may_be_read_of_itself_and_never_set(machine: str) -> None:
    call = number(machine, seccomp.PRLIMIT64)
    assert verdict(machine, call, 0, 7, 0, 0x7FFF_0000_1000) == ALLOW
    assert verdict(machine, call, 0, 7, 0x7FFF_0000_1000, 0) == EPERM
    assert verdict(machine, call, 0, 7, 0x7FFF_0000_0000, 0) == EPERM  # a pointer whose low half is zero
    assert verdict(machine, call, 1, 7, 0, 0) == EPERM


def test_arguments_decide_where_they_must(machine: str) -> None:
    assert verdict(machine, number(machine, seccomp.TGKILL), PID, PID, 6) == ALLOW
    assert verdict(machine, number(machine, seccomp.TGKILL), 1, 1, 9) == EPERM
    assert verdict(machine, number(machine, seccomp.SOCKETPAIR), 1, 1 | 0o2000000) == ALLOW
    assert verdict(machine, number(machine, seccomp.SOCKETPAIR), 1, 2) == EPERM
    assert verdict(machine, number(machine, seccomp.SOCKETPAIR), 2, 1) == EPERM
    assert verdict(machine, number(machine, seccomp.IOCTL), 0, 0x5401) == ALLOW
    assert verdict(machine, number(machine, seccomp.IOCTL), 0, 0x5412) == EPERM
    assert verdict(machine, number(machine, seccomp.FCNTL), 3, 2) == ALLOW
    assert verdict(machine, number(machine, seccomp.FCNTL), 3, 8) == EPERM
    assert verdict(machine, number(machine, seccomp.PRCTL), 15) == ALLOW
    assert verdict(machine, number(machine, seccomp.PRCTL), 22) == EPERM


def test_calls_of_another_architecture_end_the_process() -> None:
    i386 = 0x40000003
    assert verdict("x86_64", 4, architecture=i386) == KILL
    assert verdict("x86_64", 0x40000000 | 59) == KILL
    assert verdict("aarch64", 64, architecture=0x40000028) == KILL
    with pytest.raises(KeyError):
        seccomp.build("riscv64", PID)
