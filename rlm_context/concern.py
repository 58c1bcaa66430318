"""Something that needs attention, and the command that goes on from there."""

import msgspec


class Concern(msgspec.Struct, frozen=True):
    """`about` is its kind: nightly, prefect, worker, late, crashed, damage, waiting or run."""

    about: str
    what: str
    next_command: str
