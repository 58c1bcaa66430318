"""What `doctor` finds, one thing at a time."""

import msgspec


class Check(msgspec.Struct, frozen=True):
    """One thing looked at. `ok` None: worth knowing, nothing to mend."""

    name: str
    ok: bool | None
    detail: str
    next_command: str = ""
