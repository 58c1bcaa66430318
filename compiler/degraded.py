"""What was not done in the backend's usual way, in lines for people: the same reason once, with its count."""

from collections import Counter
from collections.abc import Iterable


def grouped(noun: str, reasons: Iterable[str]) -> list[str]:
    """One line for each reason: "3 chunks: the model refused"; the most frequent first."""
    counts = Counter(reasons)
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [f"{count:,} {noun}{'' if count == 1 else 's'}: {reason}" for reason, count in ordered]
