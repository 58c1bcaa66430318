"""The system calls that code in the jail may make; every other one fails with EPERM.

An allow-list, because a list of what is forbidden is never complete. What an interpreter needs to compute, to read the
files that the jail shows it, and to talk over descriptors that it already has; nothing that makes a process, a thread,
a socket, a namespace or a mount, and nothing that looks into another process.
"""

import errno
import os
import tempfile

from rlm.errors import SandboxError

_COMPUTE = (
    "access arch_prctl brk clock_getres clock_gettime clock_nanosleep close close_range dup dup2 epoll_create1 exit "
    "exit_group faccessat faccessat2 fcntl fstat futex getcwd getdents64 getegid geteuid getgid getpid getrandom "
    "getrusage gettid gettimeofday getuid lseek lstat madvise mmap mprotect mremap munmap nanosleep newfstatat "
    "open openat poll ppoll pread64 read readlink readlinkat readv restart_syscall rseq rt_sigaction "
    "rt_sigprocmask rt_sigreturn sched_getaffinity sched_yield select set_robust_list set_tid_address sigaltstack "
    "stat statx sysinfo uname write writev"
)
COMPUTE = _COMPUTE.split()

START = ["execve", "ioctl", "prctl", "prlimit64", "setrlimit"]
"""Needed until the worker is ready; it takes them away from itself with the second filter."""


def program(calls: list[str]) -> bytes:
    """A filter for the running architecture, as the kernel takes it (struct sock_filter, one after another).

    Args:
        calls: names of the system calls that are allowed; those that the architecture lacks are left out.

    Raises:
        SandboxError: libseccomp is missing.
    """
    try:
        import pyseccomp
    except (ImportError, OSError, RuntimeError) as error:
        raise SandboxError(
            "libseccomp is missing",
            next_command="install libseccomp2 and pyseccomp, or use the sandbox monty",
        ) from error
    allowed = pyseccomp.SyscallFilter(pyseccomp.ERRNO(errno.EPERM))
    for name in calls:
        try:
            number = pyseccomp.resolve_syscall(pyseccomp.Arch.NATIVE, name)
        except ValueError:
            continue
        if number >= 0:
            allowed.add_rule(pyseccomp.ALLOW, number)
    with tempfile.TemporaryFile() as file:
        allowed.export_bpf(file)
        file.seek(0)
        return os.read(file.fileno(), 1 << 20)
