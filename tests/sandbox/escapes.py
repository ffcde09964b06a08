"""A hostile experiment: tries, one after the other, to reach what it was not given, and says what it reached.

It runs inside a sandbox, never in the test's own process. `targets.json` beside it names what to try it on: files, a
port, sockets and a process that the test made for the purpose. Nothing else is ever aimed at.
"""

# In here the plainest way is the likeliest to be tried.
# ruff: noqa: PTH101, PTH104, PTH107, PTH116, PTH123, PTH208, PTH211, BLE001, T201
import json

with open("targets.json") as given:
    targets = json.loads(given.read())

tried = []


def attempt(name, act):
    tried.append(name)
    try:
        reached = act()
    except Exception:
        return
    if reached is not None:
        print("REACHED", name, repr(reached)[:200])


def system_call(number, *arguments):
    """Make a system call of x86-64 by its number; None when it is refused."""
    import ctypes

    result = ctypes.CDLL(None, use_errno=True).syscall(number, *arguments)
    return None if result < 0 else result


def read_secret():
    return open(targets["secret"]).read()


def read_secret_through_a_relative_path():
    return open("../" * 12 + targets["secret"].lstrip("/")).read()


def list_its_folder():
    import os

    return os.listdir(targets["folder"])


def write_beside_it():
    with open(targets["folder"] + "/new.txt", "w") as new:
        new.write("x")
    return "written"


def write_a_given_file():
    with open("targets.json", "w") as mine:
        mine.write("x")
    return "written"


def append_to_its_own_code():

    with open("../experiment.py", "a") as code:
        code.write("x")
    return "written"


def link_to_it():
    import os

    os.symlink(targets["secret"], "link")
    return open("link").read()


def change_its_mode():
    import os

    os.chmod(targets["secret"], 0o777)
    # WebAssembly's chmod says yes and does nothing.
    return "changed" if os.stat(targets["secret"]).st_mode & 0o777 == 0o777 else None


def change_its_owner():
    import os

    os.chown(targets["secret"], 65534, 65534)
    return "changed"


def change_its_times():
    import os

    os.utime(targets["secret"], (1, 1))
    return "changed"


def mark_it():
    import os

    os.setxattr(targets["secret"], "user.mark", b"x")
    return "marked"


def remove_it():
    import os

    os.remove(targets["spare"])
    return "removed"


def rename_it():
    import os

    os.rename(targets["spare"], targets["spare"] + ".moved")
    return "renamed"


def truncate_it():
    import os

    os.truncate(targets["spare"], 0)
    return "truncated"


def read_the_environment():
    import os

    return [value for value in os.environ.values() if targets["token"] in value] or None


def read_the_environment_of_its_parent():
    import os

    with open(f"/proc/{os.getppid()}/environ", "rb") as variables:
        return variables.read()


def read_the_environment_of_the_victim():
    with open(f"/proc/{targets['pid']}/environ", "rb") as variables:
        return variables.read()


def connect_over_tcp():
    import socket

    return socket.create_connection(("127.0.0.1", targets["port"]), 2)


def send_over_udp():
    import socket

    return socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", targets["port"]))


def listen():
    import socket

    return socket.create_server(("127.0.0.1", 0))


def connect_to_a_socket_in_a_file():
    import socket

    socket.socket(socket.AF_UNIX).connect(targets["socket"])
    return "connected"


def connect_to_an_abstract_socket():
    import socket

    socket.socket(socket.AF_UNIX).connect("\0" + targets["abstract"])
    return "connected"


def send_to_a_datagram_socket_from_a_pair():
    import socket

    one, _other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    return one.sendto(b"x", targets["datagrams"])


def talk_to_the_kernel_about_routes():
    import socket

    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)


def fork():
    import os

    return os.fork()


def spawn():
    import os

    return os.posix_spawn("/bin/true", ["true"], {})


def run_a_program():
    import subprocess

    return subprocess.run(["/bin/echo", "hello"], capture_output=True, check=True).stdout


def use_another_process_pool():
    import multiprocessing

    with multiprocessing.Pool(1) as pool:
        return pool.map(len, ["x"])


def clone_by_hand():
    return system_call(56, 17, 0, 0, 0, 0)


def clone3_by_hand():
    import ctypes
    import struct

    return system_call(435, ctypes.create_string_buffer(struct.pack("Q" * 11, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0)), 88)


def signal_the_victim():
    import os

    os.kill(targets["pid"], 0)
    return "signalled"


def trace_the_victim():
    return system_call(101, 16, targets["pid"], 0, 0)


def read_the_memory_of_the_victim():
    return system_call(310, targets["pid"], None, 0, None, 0, 0)


def open_a_handle_of_the_victim():
    return system_call(434, targets["pid"], 0)


def lower_the_limits_of_the_victim():
    import resource

    resource.prlimit(targets["pid"], resource.RLIMIT_NOFILE, (999, 999))
    return "lowered"


def read_the_limits_of_the_victim():
    import resource

    return resource.prlimit(targets["pid"], resource.RLIMIT_NOFILE)


def change_the_priority_of_the_victim():
    import os

    os.setpriority(os.PRIO_PROCESS, targets["pid"], 7)
    return "changed"


def pin_the_victim():
    import os

    os.sched_setaffinity(targets["pid"], {0})
    return "pinned"


def raise_its_own_memory():
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))
    return "raised"


def make_a_ring_of_system_calls():
    import ctypes

    return system_call(425, 4, ctypes.create_string_buffer(200))


def load_a_program_into_the_kernel():
    import ctypes

    return system_call(321, 5, ctypes.create_string_buffer(128), 128)


def use_the_keyring():
    return system_call(248, b"user", b"dcr-test", b"v", 1, -3)


def share_memory_with_others():
    return system_call(29, 0, 4096, 0o1600)


def make_a_file_in_memory():
    return system_call(319, b"x", 0)


def make_namespaces():
    return system_call(272, 0x10000000)


def mount_something():
    return system_call(165, b"none", targets["folder"].encode(), b"tmpfs", 0, None)


def change_the_root():
    import os

    os.chroot(".")
    return "changed"


def type_into_the_terminal():
    import fcntl

    return fcntl.ioctl(0, 0x5412, b"x")


def see_open_files_of_the_host():
    import os
    import sys

    if sys.platform == "wasi":  # its numbers are its own
        return None
    found = []
    for number in range(3, 64):
        try:
            found.append((number, os.fstat(number).st_mode))
        except OSError:
            continue
    return found or None


# A subset of Python need not know what a function is called.
for name, act in (
    ("read_secret", read_secret),
    ("read_secret_through_a_relative_path", read_secret_through_a_relative_path),
    ("list_its_folder", list_its_folder),
    ("write_beside_it", write_beside_it),
    ("write_a_given_file", write_a_given_file),
    ("append_to_its_own_code", append_to_its_own_code),
    ("link_to_it", link_to_it),
    ("change_its_mode", change_its_mode),
    ("change_its_owner", change_its_owner),
    ("change_its_times", change_its_times),
    ("mark_it", mark_it),
    ("remove_it", remove_it),
    ("rename_it", rename_it),
    ("truncate_it", truncate_it),
    ("read_the_environment", read_the_environment),
    ("read_the_environment_of_its_parent", read_the_environment_of_its_parent),
    ("read_the_environment_of_the_victim", read_the_environment_of_the_victim),
    ("connect_over_tcp", connect_over_tcp),
    ("send_over_udp", send_over_udp),
    ("listen", listen),
    ("connect_to_a_socket_in_a_file", connect_to_a_socket_in_a_file),
    ("connect_to_an_abstract_socket", connect_to_an_abstract_socket),
    ("send_to_a_datagram_socket_from_a_pair", send_to_a_datagram_socket_from_a_pair),
    ("talk_to_the_kernel_about_routes", talk_to_the_kernel_about_routes),
    ("fork", fork),
    ("spawn", spawn),
    ("run_a_program", run_a_program),
    ("use_another_process_pool", use_another_process_pool),
    ("clone_by_hand", clone_by_hand),
    ("clone3_by_hand", clone3_by_hand),
    ("signal_the_victim", signal_the_victim),
    ("trace_the_victim", trace_the_victim),
    ("read_the_memory_of_the_victim", read_the_memory_of_the_victim),
    ("open_a_handle_of_the_victim", open_a_handle_of_the_victim),
    ("lower_the_limits_of_the_victim", lower_the_limits_of_the_victim),
    ("read_the_limits_of_the_victim", read_the_limits_of_the_victim),
    ("change_the_priority_of_the_victim", change_the_priority_of_the_victim),
    ("pin_the_victim", pin_the_victim),
    ("raise_its_own_memory", raise_its_own_memory),
    ("make_a_ring_of_system_calls", make_a_ring_of_system_calls),
    ("load_a_program_into_the_kernel", load_a_program_into_the_kernel),
    ("use_the_keyring", use_the_keyring),
    ("share_memory_with_others", share_memory_with_others),
    ("make_a_file_in_memory", make_a_file_in_memory),
    ("make_namespaces", make_namespaces),
    ("mount_something", mount_something),
    ("change_the_root", change_the_root),
    ("type_into_the_terminal", type_into_the_terminal),
    ("see_open_files_of_the_host", see_open_files_of_the_host),
):
    attempt(name, act)

print("TRIED", len(tried))
