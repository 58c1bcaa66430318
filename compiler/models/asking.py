"""One question to a model, answered in a given form: a second try where the first answer has none, and the reasons
for taking another way."""

from dataclasses import replace
from typing import TypeVar

import msgspec

from compiler.account import Part
from data_models.decoding import decode_json
from rlm.clients.errors import ReplyError, RequestError, TooLongError, TransientError
from rlm.clients.protocol import Client, Completion, Message, Request
from rlm.errors import LimitError

T = TypeVar("T", bound=msgspec.Struct)

_LONGEST_QUOTED = 20_000
"""Characters of a bad answer that are shown to the model again."""


class NoAnswer(Exception):  # noqa: N818  (an outcome, dealt with where it is met)
    """A model gave no answer that can be used, and asking the same again is no use.

    Args:
        reason: why, for people; no content in it.
        smaller: whether a part of the question may be answered.
    """

    def __init__(self, reason: str, *, smaller: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.smaller = smaller


async def ask(client: Client, request: Request, form: type[T], part: Part) -> T:
    """The answer to `request`, in the form whose schema it asks for.

    Args:
        client: the model.
        request: what to ask; its schema is that of `form`.
        form: what is wanted.
        part: pays.

    Raises:
        NoAnswer: refused, cut short, too long, twice not in the form, failed for now, or not paid for.
        ProviderError: no call to this provider can succeed.
        PipelineError: the provider has been failing for too long.
    """
    try:
        return decode_json(_whole(await _ask_twice(client, request, part)), form)
    except msgspec.ValidationError as error:  # numbers beyond what any integer of ours holds, and the like
        raise NoAnswer("the model's answer had the wrong form", smaller=True) from error
    except ReplyError as error:
        raise NoAnswer("the model's answer had the wrong form twice", smaller=True) from error
    except TooLongError as error:
        raise NoAnswer("it is longer than the model takes", smaller=True) from error
    except RequestError as error:
        raise NoAnswer("the model's provider does not take it") from error
    except TransientError as error:
        raise NoAnswer("the model could not be reached") from error
    except LimitError as error:
        raise NoAnswer("the limit of --max-usd is reached") from error


async def _ask_twice(client: Client, request: Request, part: Part) -> Completion:
    try:
        return await part.ask(client, request)
    except ReplyError as error:
        return await part.ask(client, mended(request, error))


def mended(request: Request, error: ReplyError) -> Request:
    """The request for a second try: the conversation, with what was wrong said.

    It is another request than the first, whose bad answer is kept and would be given again.
    """
    wrong = f"{error.message[:1].upper()}{error.message[1:]}."
    again = (
        Message("assistant", error.text[:_LONGEST_QUOTED].strip() or "(nothing)"),
        Message(
            "user", f"{wrong} Answer again: one JSON document that follows the schema, and nothing else."
        ),
    )
    return replace(request, messages=(*request.messages, *again))


def _whole(completion: Completion) -> str:
    if completion.stop == "refusal":
        raise NoAnswer("the model refused")
    if completion.stop == "max_tokens":
        raise NoAnswer("the model's answer was cut short", smaller=True)
    return completion.text
