"""Answers that follow a JSON Schema."""

from collections.abc import Mapping
from typing import Any

import msgspec

from rlm.clients.errors import ReplyError
from rlm.clients.protocol import Completion, Request


def rooted(schema: Mapping[str, Any]) -> dict[str, Any]:
    """`schema` with its root spelled out where that is a reference, as msgspec writes it: providers want an object."""
    reference = schema.get("$ref")
    if not reference:
        return dict(schema)
    definitions = schema["$defs"]
    return {**definitions[reference.removeprefix("#/$defs/")], "$defs": definitions}


def checked(completion: Completion, request: Request) -> Completion:
    """`completion`, if it is what `request` asked for. Answers cut short and refusals are not looked into.

    Raises:
        ReplyError: the text is not JSON, or does not follow the schema.
    """
    if (
        request.schema is not None
        and completion.stop == "end"
        and (fault := _fault(completion.text, request.schema))
    ):
        raise ReplyError(
            fault, text=completion.text, usage=completion.usage, request_id=completion.request_id
        )
    return completion


def _fault(text: str, schema: Mapping[str, Any]) -> str | None:
    """Where `text` departs from `schema`, without a word of it."""
    from jsonschema import Draft202012Validator

    try:
        document = msgspec.json.decode(text)  # stricter than json: no half of a surrogate pair, no NaN
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return "the answer is not JSON"
    error = next(Draft202012Validator(schema).iter_errors(document), None)
    if error is None:
        return None
    # Names in a path may be the model's own words; their number and the broken rule are not.
    return f"the answer breaks the rule {error.validator!r} of its schema, {len(error.absolute_path)} levels deep"
