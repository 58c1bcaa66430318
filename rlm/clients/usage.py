"""Tokens of model calls, in the four kinds that providers price apart."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one or several calls.

    Attributes:
        calls: calls that were sent.
        input_tokens: read at full price.
        output_tokens: written.
        cache_read_tokens: read from the provider's prompt cache.
        cache_write_tokens: read and put into it.
    """

    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.calls + other.calls,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cache_read_tokens + other.cache_read_tokens,
            self.cache_write_tokens + other.cache_write_tokens,
        )

    @property
    def tokens(self) -> int:
        """All four kinds together."""
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + self.cache_write_tokens
