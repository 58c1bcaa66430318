"""A request that is longer than the model takes is told apart from one that is wrong: a part of it may fit."""

from types import ModuleType

import pytest

from rlm.clients.errors import RequestError, TooLongError
from rlm.clients.sdk import translated
from rlm.prices import window_of


def _package(name: str) -> ModuleType:
    return pytest.importorskip(name)


def _refused(package: ModuleType, said: str) -> Exception:
    """What the provider's package raises for a 400 with these words."""
    httpx2 = _package("httpx2")
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": said}}
    response = httpx2.Response(400, request=httpx2.Request("POST", "http://127.0.0.1/v1"), json=body)
    error: Exception = package.BadRequestError(said, response=response, body=body)
    return error


@pytest.mark.parametrize("name", ["anthropic", "openai"])
@pytest.mark.parametrize(
    "said",
    [
        "prompt is too long: 210000 tokens > 200000 maximum",
        "input length and `max_tokens` exceed context limit: 199000 + 8000 > 200000",
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "the request exceeds the available context size, try increasing it",
    ],
)
def test_a_400_that_speaks_of_length_is_too_long(name: str, said: str) -> None:
    """Both packages, in the words of Anthropic, OpenAI and a server of one's own."""
    package = _package(name)
    error = translated(_refused(package, said), package)
    assert isinstance(error, TooLongError)
    assert said not in error.message


@pytest.mark.parametrize("name", ["anthropic", "openai"])
def test_any_other_400_is_not(name: str) -> None:
    """What is wrong stays wrong in parts too."""
    package = _package(name)
    error = translated(_refused(package, "messages: roles must alternate"), package)
    assert isinstance(error, RequestError)
    assert not isinstance(error, TooLongError)


def test_windows_are_known_by_model_and_snapshot() -> None:
    """A dated snapshot takes what its model takes; of a model that is not in the table nothing is said."""
    assert window_of("claude-haiku-4-5") == window_of("claude-haiku-4-5-20251001") == 200_000
    assert window_of("llama:8b") is None
