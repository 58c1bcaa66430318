"""Tokens in the shape of JWTs: the client reads what is in them and verifies no signature. Ours is a word."""

import base64
import json
import time

SIGNATURE = "emulator"
LIFETIME_S = 3600


def access_token() -> str:
    """A token for the data plane, or a sandbox, that expires in an hour."""
    return jwt({"exp": int(time.time()) + LIFETIME_S})


def jwt(payload: dict[str, object]) -> str:
    """A token that says `payload`."""
    parts = ({"alg": "none", "typ": "JWT"}, payload)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, SIGNATURE])


def payload(token: str) -> dict[str, object]:
    """What a token of ours says."""
    encoded = token.split(".")[1]
    said: dict[str, object] = json.loads(base64.urlsafe_b64decode(encoded + "=="))
    return said
