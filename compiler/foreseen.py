"""What one step of a compile would send, as `compiler.estimate` foresees it."""

import msgspec


class Foreseen(msgspec.Struct, kw_only=True):
    """What one step of a compile would send.

    `model` is `provider:model`; `cached` counts answers that memo has, and `batched` calls that a batch holds which a
    provider works on: both are in no other number. `usd` is None where the model's price is not known; `at_most` says
    that the step takes as many calls as it needs, and the numbers are its limit.
    """

    step: str
    model: str
    calls: int = 0
    cached: int = 0
    batched: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float | None = None
    at_most: bool = False

    def add(self, input_tokens: int, output_tokens: int, calls: int = 1) -> None:
        """Count calls by the tokens of all of them."""
        self.calls += calls
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
