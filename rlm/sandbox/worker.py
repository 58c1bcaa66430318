"""The program inside a sandbox: a REPL over a socket, or over stdin and stdout. Standard library only; it is run,
never imported: as a file with the socket's descriptor as argument, or from its text with none.

Frames are four bytes of length (big-endian) and JSON. The first frame from the host brings the nonce, the limits and
the second filter; each later frame of ours carries the nonce and the number of the host's request. Model-written code
shares this process, so it can speak on the socket as well as we do: the host therefore believes nothing here but what
it would accept anyway.
"""

import base64
import contextlib
import ctypes
import gc
import json
import linecache
import os
import resource
import struct
import sys
import traceback
from typing import Any, NoReturn

_PR_SET_SECCOMP = 22
_SECCOMP_MODE_FILTER = 2
_THIS = sys._getframe().f_code.co_filename


class Channel:
    """Frames over descriptors: one to read, one to write."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self.incoming = incoming
        self.outgoing = outgoing
        self.nonce = ""
        self.request = 0

    def send(self, **fields: Any) -> None:
        """Write a frame."""
        data = json.dumps({"nonce": self.nonce, "request": self.request, **fields}, default=str).encode()
        data = struct.pack(">I", len(data)) + data
        while data:
            data = data[os.write(self.outgoing, data) :]

    def receive(self) -> dict[str, Any]:
        """Read a frame; a closed descriptor ends the process."""
        [size] = struct.unpack(">I", self._read(4))
        frame: dict[str, Any] = json.loads(self._read(size))
        return frame

    def _read(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            part = os.read(self.incoming, size - len(data))
            if not part:
                os._exit(0)
            data += part
        return bytes(data)


class Printed:
    """Stands for sys.stdout: keeps so many characters."""

    encoding = "utf-8"

    def __init__(self, limit: int) -> None:
        self.parts: list[str] = []
        self.room = limit
        self.dropped = 0

    def write(self, text: str) -> int:
        """Keep what there is room for."""
        if self.room:
            self.parts.append(text[: self.room])
        self.dropped += max(len(text) - self.room, 0)
        self.room = max(self.room - len(text), 0)
        return len(text)

    def flush(self) -> None:
        """Nothing to do."""

    def isatty(self) -> bool:
        """No."""
        return False


class Repl:
    """Runs blocks in one namespace."""

    def __init__(self, channel: Channel, names: list[str], output_chars: int) -> None:
        self.channel = channel
        self.output_chars = output_chars
        self.blocks = 0
        self.namespace: dict[str, Any] = {"__name__": "__main__"}
        for name in names:
            self.namespace[name] = self._host_function(name)

    def _host_function(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                self.channel.send(kind="call", name=name, args=args, kwargs=kwargs)
            except (ValueError, TypeError, RecursionError):
                raise ValueError(f"the arguments of {name} are no JSON values") from None
            frame = self.channel.receive()
            if frame["error"] is not None:
                raise RuntimeError(frame["error"])
            return frame["value"]

        call.__name__ = name
        return call

    def run(self, code: str) -> None:
        """Run a block and report."""
        self.blocks += 1
        name = f"<block {self.blocks}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        printed = Printed(self.output_chars)
        error = None
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            try:
                exec(compile(code, name, "exec"), self.namespace)  # noqa: S102  (this is the jail's purpose)
            except BaseException as raised:  # noqa: BLE001  (exits too are an outcome of a block)
                error = _traceback(raised)
        end = f"\n[{printed.dropped:,} more characters were printed and left out]" if printed.dropped else ""
        self.channel.send(kind="done", output="".join(printed.parts) + end, error=error)

    def value(self, name: str) -> None:
        """Send a variable."""
        try:
            self.channel.send(kind="value", value=self.namespace.get(name))
        except BaseException:  # noqa: BLE001  (cyclic, too deep, hostile methods: not a value)
            self.channel.send(kind="value", value=None)


def _traceback(error: BaseException) -> str:
    """The traceback from the block on: frames of this file say nothing to the model."""
    trace = error.__traceback__
    while trace and not trace.tb_frame.f_code.co_filename.startswith("<block"):
        trace = trace.tb_next
    try:
        told = traceback.TracebackException(type(error), error, trace)
        told.stack[:] = [frame for frame in told.stack if frame.filename != _THIS]
        return "".join(told.format())
    except BaseException:  # noqa: BLE001  (an exception with a hostile __str__)
        return type(error).__name__


def _confine(memory: int, program: bytes) -> None:
    """Take from this process what only its start needed; without a program, what surrounds it must confine it."""
    for limit, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(limit, (value, value))

    if not program:
        return

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))

    libc = ctypes.CDLL(None, use_errno=True)
    loaded = Program(len(program) // 8, program)
    if libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(loaded)):
        os._exit(71)


def main() -> NoReturn:
    """Serve until the host closes its end."""
    channel = Channel(*(int(sys.argv[1]),) * 2) if sys.argv[1:] else Channel(0, 1)
    hello = channel.receive()
    channel.nonce = hello["nonce"]
    sys.setrecursionlimit(hello["recursion"])
    _confine(hello["memory"], base64.b64decode(hello["filter"]))
    repl = Repl(channel, hello["names"], hello["output"])
    del hello
    gc.collect()
    channel.send(kind="ready")
    while True:
        frame = channel.receive()
        channel.request = frame["request"]
        if frame["do"] == "run":
            repl.run(frame["code"])
        elif frame["do"] == "assign":
            repl.namespace[frame["name"]] = frame["value"]
            channel.send(kind="done", output="", error=None)
        else:
            repl.value(frame["name"])


main()
