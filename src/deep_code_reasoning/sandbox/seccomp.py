"""The system calls that an experiment may make: a seccomp filter that allows what CPython needs and refuses the rest.

This file runs inside the sandbox, before the experiment's code, and imports nothing but the standard library. A filter
cannot be taken off again. It stands beside what keeps files and network away, which knows no system calls: Landlock,
for example, does not stop a process from changing the mode of any file of its user, or the limits of any process.

Numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h. Instructions:
linux/include/uapi/linux/filter.h and seccomp.h; the data that they see: struct seccomp_data.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence

# Machine -> (audit architecture, column in the table below).
MACHINES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}

# Name -> (x86_64, aarch64); None where the architecture has no such call.
ALLOWED: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63),
    "write": (1, 64),
    "open": (2, None),
    "close": (3, 57),
    "stat": (4, None),
    "fstat": (5, 80),
    "lstat": (6, None),
    "poll": (7, None),
    "lseek": (8, 62),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "readv": (19, 65),
    "writev": (20, 66),
    "access": (21, None),
    "pipe": (22, None),
    "select": (23, None),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "dup": (32, 23),
    "dup2": (33, None),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "recvfrom": (45, 207),
    "sendto": (44, 206),
    "shutdown": (48, 210),
    "getsockname": (51, 204),
    "getpeername": (52, 205),
    "setsockopt": (54, 208),
    "getsockopt": (55, 209),
    "exit": (60, 93),
    "uname": (63, 160),
    "getdents": (78, None),
    "getcwd": (79, 17),
    "readlink": (89, None),
    "gettimeofday": (96, 169),
    "getrlimit": (97, 163),
    "getrusage": (98, 165),
    "sysinfo": (99, 179),
    "times": (100, 153),
    "getuid": (102, 174),
    "getgid": (104, 176),
    "geteuid": (107, 175),
    "getegid": (108, 177),
    "getppid": (110, 173),
    "getpgrp": (111, None),
    "sigaltstack": (131, 132),
    "arch_prctl": (158, None),
    "gettid": (186, 178),
    "time": (201, None),
    "futex": (202, 98),
    "sched_getaffinity": (204, 123),
    "epoll_create": (213, None),
    "getdents64": (217, 61),
    "set_tid_address": (218, 96),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "epoll_wait": (232, None),
    "epoll_ctl": (233, 21),
    "openat": (257, 56),
    "newfstatat": (262, 79),
    "readlinkat": (267, 78),
    "faccessat": (269, 48),
    "pselect6": (270, 72),
    "ppoll": (271, 73),
    "set_robust_list": (273, 99),
    "epoll_pwait": (281, 22),
    "eventfd2": (290, 19),
    "epoll_create1": (291, 20),
    "dup3": (292, 24),
    "pipe2": (293, 59),
    "getrandom": (318, 278),
    "membarrier": (324, 283),
    "statx": (332, 291),
    "rseq": (334, 293),
    "close_range": (436, 436),
    "faccessat2": (439, 439),
    "epoll_pwait2": (441, 441),
}
# Calls that are allowed with some arguments alone.
CLONE = (56, 220)
CLONE3 = (435, 435)
FCNTL = (72, 25)
IOCTL = (16, 29)
PRLIMIT64 = (302, 261)
SOCKETPAIR = (53, 199)
TGKILL = (234, 131)
PRCTL = (157, 167)

_CLONE_THREAD = 0x00010000
# Whether it is a terminal and how wide, close on exec, how much there is to read, do not block: asm-generic/ioctls.h.
_IOCTLS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
# Duplicate, close on exec, status flags: asm-generic/fcntl.h. Not who gets signals for it.
_FCNTLS = (0, 1, 2, 3, 4, 1030)
_AF_UNIX = 1
_SOCKET_TYPE = 0xF
_SOCK_STREAM = 1
_PR_SET_NAME = 15

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_JUMP_AT_LEAST = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_AND = 0x54  # BPF_ALU | BPF_AND | BPF_K
_JUMP_BITS = 0x45  # BPF_JMP | BPF_JSET | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_KILL = 0x80000000
_ALLOW = 0x7FFF0000
_EPERM = 0x00050000 | 1
_ENOSYS = 0x00050000 | 38
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000  # calls of the x32 ABI carry this bit in their number

Instruction = tuple[int, int, int, int]


def build(machine: str, pid: int) -> bytes:
    """The filter for a machine (`platform.machine()`) and the process that will load it.

    Raises:
        KeyError: when the machine's calls are not known here.
    """
    architecture, column = MACHINES[machine]
    program: list[Instruction] = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_AT),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD_WORD, 0, 0, _NUMBER_AT),
        (_JUMP_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, _KILL),
    ]
    for numbers in ALLOWED.values():
        number = numbers[column]
        if number is not None:
            program += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
    # A thread shares all that its process has; a process of its own would not share its limits.
    program += _when(CLONE[column], _argument(0, _JUMP_BITS, (_CLONE_THREAD,)))
    # Its arguments lie in memory, where a filter cannot look. The C library falls back on clone.
    program += [(_JUMP_EQUAL, 0, 1, CLONE3[column]), (_RETURN, 0, 0, _ENOSYS)]
    program += _when(FCNTL[column], _argument(1, _JUMP_EQUAL, _FCNTLS))
    program += _when(IOCTL[column], _argument(1, _JUMP_EQUAL, _IOCTLS))
    # Limits of this process alone (0), and to read them only: the third argument, the new limit, is no pointer.
    program += _when(PRLIMIT64[column], [*_must(0, (0,)), *_must_be_null(2)])
    # Two ends that are connected to each other for good; a datagram socket could send elsewhere.
    stream = [(_LOAD_WORD, 0, 0, _ARGUMENTS_AT + 8), (_AND, 0, 0, _SOCKET_TYPE)]
    stream += [(_JUMP_EQUAL, 0, 1, _SOCK_STREAM), (_RETURN, 0, 0, _ALLOW)]
    program += _when(SOCKETPAIR[column], [*_must(0, (_AF_UNIX,)), *stream])
    program += _when(TGKILL[column], _argument(0, _JUMP_EQUAL, (pid,)))
    program += _when(PRCTL[column], _argument(0, _JUMP_EQUAL, (_PR_SET_NAME,)))
    program.append((_RETURN, 0, 0, _EPERM))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)


def _when(number: int, checks: list[Instruction]) -> list[Instruction]:
    """For one call: its checks, which allow it or fall through; then it is refused."""
    body = [*checks, (_RETURN, 0, 0, _EPERM)]
    return [(_JUMP_EQUAL, 0, len(body), number), *body]


def _argument(index: int, jump: int, values: Sequence[int]) -> list[Instruction]:
    """Allow the call when the low half of an argument fits one of the values."""
    program: list[Instruction] = [(_LOAD_WORD, 0, 0, _ARGUMENTS_AT + 8 * index)]
    for value in values:
        program += [(jump, 0, 1, value), (_RETURN, 0, 0, _ALLOW)]
    return program


def _must(index: int, values: Sequence[int]) -> list[Instruction]:
    """Refuse the call unless the low half of an argument is one of the values."""
    program: list[Instruction] = [(_LOAD_WORD, 0, 0, _ARGUMENTS_AT + 8 * index)]
    for place, value in enumerate(values):
        program.append((_JUMP_EQUAL, len(values) - place, 0, value))
    return [*program, (_RETURN, 0, 0, _EPERM)]


def _must_be_null(index: int) -> list[Instruction]:
    """Allow the call when both halves of an argument are zero."""
    low = _ARGUMENTS_AT + 8 * index
    return [
        (_LOAD_WORD, 0, 0, low),
        (_JUMP_EQUAL, 0, 3, 0),
        (_LOAD_WORD, 0, 0, low + 4),
        (_JUMP_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
    ]
