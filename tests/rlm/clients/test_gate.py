"""How many calls are in flight, and who comes next."""

import asyncio
import random
import time

from hypothesis import given, settings
from hypothesis import strategies as st

from rlm.clients.errors import TransientError
from rlm.clients.gate import Gate
from rlm.clients.patience import Patience


@settings(max_examples=30, deadline=None)
@given(most=st.integers(1, 5), calls=st.integers(1, 20), seed=st.integers(0, 2**32))
def test_places_are_bounded_and_never_leak(most: int, calls: int, seed: int) -> None:
    """Whatever is cancelled and whenever, no more than `most` are inside, and in the end nobody is."""
    rng = random.Random(seed)

    async def work() -> None:
        gate, highest = Gate(most), 0

        async def call() -> None:
            nonlocal highest
            async with gate.enter():
                highest = max(highest, gate.inside)
                for _ in range(rng.randrange(3)):
                    await asyncio.sleep(0)

        tasks = [asyncio.create_task(call()) for _ in range(calls)]
        for _ in range(calls):
            rng.choice(tasks).cancel() if rng.random() < 0.3 else await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert highest <= most
        assert gate.inside == 0
        async with asyncio.timeout(1), gate.enter():
            assert gate.inside == 1

    asyncio.run(work())


def test_one_wave_of_refusals_cuts_once() -> None:
    """Fifty calls refused together are one sign of too many, not fifty; the limit never falls below one call."""
    gate = Gate(50)
    moment = time.monotonic()
    for _ in range(50):
        gate.throttled(moment)
    assert gate.limit == 35
    for _ in range(50):
        gate.throttled(time.monotonic())
    assert gate.limit == 1


def test_the_limit_comes_back_with_answers() -> None:
    """Answers raise the limit to what the user allows and no further."""
    gate = Gate(8)
    gate.throttled(time.monotonic())
    low = gate.limit
    gate.answered()
    assert low < gate.limit < low + 1
    for _ in range(100):
        gate.answered()
    assert gate.limit == 8


def test_waits_grow_and_spread() -> None:
    """Waits double up to eight seconds, drawn between half and all of that; a provider's wish is never undercut."""
    patience = Patience(first_wait=0.5)
    error = TransientError("x")
    for failures, longest in ((1, 0.5), (2, 1.0), (3, 2.0), (30, 8.0)):
        waits = [patience.wait(error, failures) for _ in range(50)]
        assert longest / 2 <= min(waits) < max(waits) <= longest
    asked = TransientError("x", retry_after=3.0)
    assert all(3.0 <= patience.wait(asked, 1) <= 3.5 for _ in range(50))
