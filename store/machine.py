"""Which machine this is, as far as numbers of processes go: 4242 here and 4242 there are two processes.

A host's name does not tell: laptops are named alike, and every container may be called the same. On Linux it is the
boot of a kernel (`boot_id`, random(4)) and the namespace of process numbers in it (pid_namespaces(7)), so that two
containers on one host differ, and after a restart nothing that ran before is taken for running. Elsewhere it is the
address of the network card.
"""

import hashlib
import secrets
import socket
import uuid
from functools import cache
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
_RANDOM = 1 << 40
"""The bit of an address that says it belongs to no card: RFC 9562, section 6.10."""


@cache
def machine() -> str:
    """This machine in 8 hex digits, the same for all of its processes.

    Where nothing tells one machine from another it is this process alone: better to wait for a process that has ended
    than to take one that runs elsewhere for dead.
    """
    name = f"{socket.gethostname()} {_kernel() or _card() or secrets.token_hex(8)}"
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _kernel() -> str:
    """This boot and this namespace of processes; "" where there is no such thing."""
    try:
        return f"{_BOOT.read_text().strip()} {_NAMESPACE.readlink()}"
    except OSError:
        return ""


def _card() -> str:
    """The address of this machine's network card; "" where there is none to be found."""
    address = uuid.getnode()
    return "" if address & _RANDOM else f"{address:012x}"
