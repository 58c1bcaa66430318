"""Models whose answers a test holds back, so that it knows that a run is in the middle."""

import threading

from tests.compiler.models.server_model import fitting
from tests.rlm.servers.messages import MessagesServer
from tests.rlm.servers.models import Call, Reply
from tests.waiting import PATIENCE


class HeldModels(MessagesServer):
    """Answers at once unless it is told to hold its answers back."""

    def __init__(self) -> None:
        super().__init__()
        self.reply = self._reply
        self._asked, self._free = threading.Event(), threading.Event()
        self._free.set()

    def hold(self) -> None:
        """Answer nothing from now on."""
        self._free.clear()
        self._asked.clear()

    def wait_until_asked(self) -> None:
        """Wait for the first call since `hold`."""
        assert self._asked.wait(3 * PATIENCE), "no model was asked"

    def free(self) -> None:
        """Answer what waits, and all that comes."""
        self._free.set()

    def _reply(self, call: Call) -> Reply:
        self._asked.set()
        self._free.wait()
        return fitting(call)
