"""Types are decoded from any thread, also the first time."""

import subprocess
import sys

_MANY_THREADS = """
import sys
import threading

import msgspec

from data_models.decoding import decode_json

sys.setswitchinterval(1e-6)
document = msgspec.json.encode({f"part{part}": {f"field{field}": field for field in range(8)} for part in range(20)})


def new_type(number):
    parts = [
        msgspec.defstruct(f"Part{number}x{part}", [(f"field{field}", int) for field in range(8)])
        for part in range(20)
    ]
    return msgspec.defstruct(f"Whole{number}", [(f"part{part}", kind) for part, kind in enumerate(parts)])


for number in range(40):
    kind, begin, right = new_type(number), threading.Barrier(4), []

    def decode():
        begin.wait()
        right.append(decode_json(document, kind).part19.field7 == 7)

    threads = [threading.Thread(target=decode) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert right == [True] * 4
"""


def test_a_type_that_several_threads_decode_first() -> None:
    """Each reads the whole value; with msgspec alone the process ends with a segmentation fault at the first types."""
    done = subprocess.run([sys.executable, "-c", _MANY_THREADS], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
