"""Invented secrets planted in realistic text, to measure what redaction finds.

A fragment is a line or a few that hold one secret between two marks; a wrapping puts the fragment where
transcripts hold such text. All is drawn from a seeded generator: no secret stands in this file.
"""

import base64
import json
import string
import uuid
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import NamedTuple

OPEN, CLOSE = "\ue000", "\ue001"
"""Marks around the secret while a text is put together."""

HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase
LOWER = string.ascii_lowercase
B32 = UPPER + "234567"
B62 = string.ascii_letters + string.digits
B64 = B62 + "+/"
URL64 = B62 + "-_"

Fragment = Callable[[Random], str]
Wrapping = Callable[[str, Random], str]


class Planted(NamedTuple):
    """One text with one secret at `text[start:end]`."""

    kind: str
    place: str
    text: str
    start: int
    end: int

    @property
    def secret(self) -> str:
        return self.text[self.start : self.end]


def draw(rng: Random, alphabet: str, size: int) -> str:
    """`size` characters, with at least one digit where the alphabet has any."""
    chars = rng.choices(alphabet, k=size)
    if any(char.isdigit() for char in alphabet) and not any(char.isdigit() for char in chars):
        chars[rng.randrange(1, size)] = rng.choice("234567")
    return "".join(chars)


def marked(secret: str) -> str:
    return f"{OPEN}{secret}{CLOSE}"


def plant(
    kinds: Mapping[str, Fragment], wrappings: Mapping[str, Wrapping], *, seed: int, rounds: int = 1
) -> Iterator[Planted]:
    """Every kind in every wrapping, `rounds` times, each time with another secret."""
    rng = Random(seed)
    for _ in range(rounds):
        for kind, fragment in kinds.items():
            for place, wrapping in wrappings.items():
                yield _unmarked(kind, place, wrapping(fragment(rng), rng))


def _unmarked(kind: str, place: str, text: str) -> Planted:
    before, _, rest = text.partition(OPEN)
    secret, _, after = rest.partition(CLOSE)
    assert OPEN not in rest
    assert CLOSE not in after
    return Planted(kind, place, before + secret + after, len(before), len(before) + len(secret))


# Tokens with a form of their own, in a place drawn at random


def _free(make: Callable[[Random], str], name: str) -> Fragment:
    """A token that is known by its form, with `name` before it or nothing."""

    def fragment(rng: Random) -> str:
        secret = marked(make(rng))
        upper = name.upper()
        return rng.choice(
            (
                f"export {upper}={secret}",
                f"{upper}={secret}\nPATH=/usr/bin",
                f"I put {secret} in the vault, please rotate it.",
                f"found `{secret}` in the config",
                f"curl -sS -H 'Authorization: Bearer {secret}' https://api.acme.test/v1/me",
                f'{{"{name}": "{secret}", "region": "eu"}}',
                f"{name}: {secret}",
                f"2026-03-01T10:00:00Z INFO client ready {name}={secret} retries=3",
                f"https://api.acme.test/v1/items?{name}={secret}&page=2",
                f"docker run -e {upper}={secret} acme/api",
                f'os.Setenv("{upper}", "{secret}")',
                f"[acme]\n{name} = '{secret}'",
                f"acme login --{name} {secret} --yes",
                f"echo {secret} | acme login --stdin",
            )
        )

    return fragment


def _named(make: Callable[[Random], str], names: tuple[str, ...]) -> Fragment:
    """A secret that only its name gives away."""

    def fragment(rng: Random) -> str:
        secret = marked(make(rng))
        name = rng.choice(names)
        upper = name.upper()
        return rng.choice(
            (
                f"export {upper}={secret}",
                f"HOME=/root\n{upper}={secret}\nSHELL=/bin/sh",
                f'{{"user": "ana", "{name}": "{secret}"}}',
                f"  {name}: {secret}",
                f'  {name}: "{secret}"',
                f'{name} = "{secret}"',
                f"{name}='{secret}'",
                f'const {name} = "{secret}";',
                f'{name} := "{secret}"',
                f"docker run -e {upper}={secret} -p 80:80 acme/api",
                f"acme deploy --{name.replace('_', '-')} {secret}",
                f"acme deploy --{name.replace('_', '-')}={secret}",
                f"2026-03-01T10:00:00Z DEBUG env {upper}={secret} region=eu",
                f'    "{upper}": "{secret}",',
                f"<{name}>{secret}</{name}>",
            )
        )

    return fragment


def _password(rng: Random) -> str:
    return draw(rng, LOWER, 3) + draw(rng, B62 + "!#%^*_+-", rng.randrange(6, 18)) + rng.choice("23456789")


def _jwt(rng: Random) -> str:
    def part(claims: dict[str, object]) -> str:
        return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")

    claims = {"sub": draw(rng, HEX, 12), "exp": rng.randrange(10**9), "aud": "acme"}
    return f"{part({'alg': 'HS256', 'typ': 'JWT'})}.{part(claims)}.{draw(rng, URL64, 43)}"


def _uuid(rng: Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


FORMED: dict[str, tuple[Callable[[Random], str], str]] = {
    "aws-access-key": (lambda r: "AKIA" + draw(r, B32, 16), "aws_access_key_id"),
    "aws-session-key": (lambda r: "ASIA" + draw(r, B32, 16), "key_id"),
    "github-classic": (lambda r: "ghp_" + draw(r, B62, 36), "github_token"),
    "github-oauth": (lambda r: r.choice(("gho_", "ghu_", "ghs_", "ghr_")) + draw(r, B62, 36), "gh"),
    "github-fine-grained": (lambda r: f"github_pat_{draw(r, B62, 22)}_{draw(r, B62, 59)}", "gh_token"),
    "gitlab": (lambda r: "glpat-" + draw(r, URL64, 20), "gitlab_token"),
    "slack-bot": (
        lambda r: f"xoxb-{draw(r, '123456789', 12)}-{draw(r, '123456789', 12)}-{draw(r, B62, 24)}",
        "slack",
    ),
    "slack-app": (
        lambda r: f"xapp-1-A{draw(r, B32, 10)}-{draw(r, '123456789', 13)}-{draw(r, HEX, 64)}",
        "slack",
    ),
    "slack-webhook": (
        lambda r: f"hooks.slack.com/services/T{draw(r, B32, 10)}/B{draw(r, B32, 10)}/{draw(r, B62, 24)}",
        "webhook",
    ),
    "stripe": (lambda r: r.choice(("sk_live_", "sk_test_", "rk_live_")) + draw(r, B62, 24), "stripe"),
    "stripe-webhook": (lambda r: "whsec_" + draw(r, B62, 32), "endpoint"),
    "openai-project": (
        lambda r: f"sk-proj-{draw(r, URL64, 74)}T3BlbkFJ{draw(r, URL64, 74)}",
        "openai_api_key",
    ),
    "openai-old": (lambda r: f"sk-{draw(r, B62, 20)}T3BlbkFJ{draw(r, B62, 20)}", "openai"),
    "anthropic-api": (lambda r: f"sk-ant-api03-{draw(r, URL64, 93)}AA", "anthropic_api_key"),
    "anthropic-oauth": (lambda r: f"sk-ant-oat01-{draw(r, URL64, 93)}AA", "claude_code_oauth_token"),
    "google-api": (lambda r: "AIza" + draw(r, URL64, 35), "maps"),
    "google-oauth": (lambda r: "ya29." + draw(r, URL64, 80), "access"),
    "google-client": (lambda r: "GOCSPX-" + draw(r, URL64, 28), "client_secret"),
    "npm": (lambda r: "npm_" + draw(r, B62, 36), "npm"),
    "pypi": (lambda r: "pypi-AgEIcHlwaS5vcmc" + draw(r, URL64, 150), "twine"),
    "huggingface": (lambda r: "hf_" + draw(r, B62, 34), "hf"),
    "sendgrid": (lambda r: f"SG.{draw(r, URL64, 22)}.{draw(r, URL64, 43)}", "mail"),
    "twilio": (lambda r: "SK" + draw(r, HEX, 32), "twilio"),
    "modal-id": (lambda r: "ak-" + "aB3" + draw(r, B62, 19), "modal_token_id"),
    "modal-secret": (lambda r: "as-" + "zQ7" + draw(r, B62, 19), "modal"),
    "prefect": (lambda r: "pnu_" + draw(r, B62, 36), "prefect_api_key"),
    "linear": (lambda r: "lin_api_" + draw(r, B62, 40), "linear"),
    "posthog": (lambda r: r.choice(("phc_", "phx_")) + draw(r, B62, 43), "posthog"),
    "jwt": (_jwt, "id"),
    "vault": (lambda r: "hvs." + draw(r, URL64, 90), "vault"),
    "digitalocean": (lambda r: "dop_v1_" + draw(r, HEX, 64), "do"),
    "telegram": (lambda r: f"{draw(r, '123456789', 10)}:AA{draw(r, URL64, 33)}", "bot"),
    "azure-client": (lambda r: f"{draw(r, B62, 3)}8Q~{draw(r, URL64, 34)}", "azure"),
    "databricks": (lambda r: "dapi" + draw(r, HEX, 32), "databricks"),
    "groq": (lambda r: "gsk_" + draw(r, B62, 52), "groq"),
    "openrouter": (lambda r: "sk-or-v1-" + draw(r, HEX, 64), "router"),
    "grafana": (lambda r: f"glsa_{draw(r, B62, 32)}_{draw(r, HEX, 8)}", "grafana"),
    "notion": (lambda r: "ntn_" + draw(r, B62, 46), "notion"),
}

NAMED: dict[str, tuple[Callable[[Random], str], tuple[str, ...]]] = {
    "password": (
        _password,
        ("db_password", "password", "passwd", "redis_password", "smtp_pass", "admin_pwd"),
    ),
    "hex-32-key": (lambda r: draw(r, HEX, 32), ("api_key", "dd_api_key", "app_key", "datadog_api_key")),
    "hex-64-secret": (lambda r: draw(r, HEX, 64), ("secret", "secret_key", "jwt_secret", "signing_secret")),
    "base62-token": (
        lambda r: draw(r, B62, 40),
        ("token", "auth_token", "access_token", "cloudflare_api_token"),
    ),
    "base64-secret": (
        lambda r: draw(r, B64, 43) + "=",
        ("client_secret", "encryption_key", "session_secret"),
    ),
    "aws-secret": (lambda r: draw(r, B64, 40), ("aws_secret_access_key", "secret_access_key")),
    "uuid-key": (_uuid, ("api_key", "heroku_api_key", "auth_token")),
}


def _pem(rng: Random, label: str, *, ended: bool, headers: str = "") -> str:
    lines = [draw(rng, B64, 64) for _ in range(rng.randrange(4, 12))]
    lines[0] = "MIIE" + lines[0][4:]
    body = "\n".join([*lines, draw(rng, B64, rng.randrange(4, 60)) + "=="] if ended else lines)
    end = f"\n-----END {label}-----" if ended else ""
    return f"-----BEGIN {label}-----\n{headers}{OPEN}{body}{CLOSE}{end}"


STRUCTURED: dict[str, Fragment] = {
    "postgres-url": lambda r: f"DATABASE_URL=postgres://app:{marked(_password(r))}@db.acme.test:5432/app",
    "redis-url": lambda r: f"redis://:{marked(draw(r, B62, 24))}@cache.acme.test:6379/0",
    "mongo-url": lambda r: f"mongodb+srv://ana:{marked(draw(r, B62, 16))}@c0.acme.test/app?retryWrites=true",
    "git-url": lambda r: f"git clone https://x-access-token:{marked(draw(r, B62, 40))}@git.acme.test/a/b.git",
    "sentry-dsn": lambda r: f"dsn: https://{marked(draw(r, HEX, 32))}@o12.ingest.acme.test/450",
    "curl-user": lambda r: f"curl -s -u ana:{marked(_password(r))} https://acme.test/x",
    "bearer": lambda r: f'curl -H "Authorization: Bearer {marked(draw(r, URL64, 40))}" https://acme.test/x',
    "basic": lambda r: (
        "Authorization: Basic " + marked(base64.b64encode(f"ana:{_password(r)}".encode()).decode())
    ),
    "api-key-header": lambda r: f'curl https://acme.test -H "X-API-Key: {marked(draw(r, B62, 32))}"',
    "cookie": lambda r: f"Cookie: theme=dark; session={marked(draw(r, B62, 40))}; lang=en",
    "set-cookie": lambda r: f"< Set-Cookie: sid={marked(draw(r, URL64, 40))}; Path=/; HttpOnly",
    "azure-connection": lambda r: (
        "DefaultEndpointsProtocol=https;AccountName=acme;AccountKey="
        + marked(draw(r, B64, 86) + "==")
        + ";EndpointSuffix=core.acme.test"
    ),
    "netrc": lambda r: f"machine acme.test login ana password {marked(_password(r))}",
    "docker-auth": lambda r: (
        '{"auths": {"reg.acme.test": {"auth": "'
        + marked(base64.b64encode(f"ana:{_password(r)}".encode()).decode())
        + '"}}}'
    ),
    "npmrc": lambda r: f"//npm.acme.test/:_authToken={marked(_uuid(r))}",
    "rsa-key": lambda r: _pem(r, "RSA PRIVATE KEY", ended=True),
    "rsa-key-encrypted": lambda r: _pem(
        r,
        "RSA PRIVATE KEY",
        ended=True,
        headers=f"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,{draw(r, HEX[:10] + 'ABCDEF', 32)}\n\n",
    ),
    "openssh-key": lambda r: _pem(r, "OPENSSH PRIVATE KEY", ended=True),
    "key-cut-off": lambda r: _pem(r, "PRIVATE KEY", ended=False),
    "private-block": lambda r: (
        f"before <private>{marked('our plan: ' + draw(r, LOWER + ' ', 40))}</private> after"
    ),
    "signed-url": lambda r: (
        f"https://b.acme.test/f?X-Amz-Expires=900&X-Amz-Signature={marked(draw(r, HEX, 64))}"
    ),
    "kube-token": lambda r: f"users:\n- name: ana\n  user:\n    token: {marked(_jwt(r))}",
}

KINDS: dict[str, Fragment] = {
    **{kind: _free(make, name) for kind, (make, name) in FORMED.items()},
    **{kind: _named(make, names) for kind, (make, names) in NAMED.items()},
    **STRUCTURED,
}


# Where transcripts hold such text


def _json(text: str, depth: int) -> str:
    for _ in range(depth):
        text = json.dumps({"type": "text", "text": f"ok\n{text}"}, ensure_ascii=False)
    return text


def _prefixed(text: str, prefixes: Callable[[int], str]) -> str:
    return "\n".join(prefixes(n) + line for n, line in enumerate(text.split("\n")))


def _coloured(text: str, escape: str) -> str:
    return text.replace(OPEN, f"{escape}[32m{OPEN}").replace(CLOSE, f"{CLOSE}{escape}[0m")


WRAPPINGS: dict[str, Wrapping] = {
    "bare": lambda text, rng: text,
    "between lines": lambda text, rng: f"$ cat notes\nfirst line, {rng.random()}\n{text}\nlast line\n",
    "json": lambda text, rng: _json(text, 1),
    "json in json": lambda text, rng: _json(text, 2),
    "diff": lambda text, rng: "--- a/x\n+++ b/x\n@@ -1,3 +1,9 @@\n" + _prefixed(text, lambda n: "+"),
    "colour": lambda text, rng: _coloured(text, "\x1b"),
    "colour, escape written out": lambda text, rng: _coloured(text, "\\u001b"),
    "numbered lines": lambda text, rng: _prefixed(text, lambda n: f"{n + 7:6}\t"),
    "arrow-numbered lines": lambda text, rng: _prefixed(text, lambda n: f"{n + 7:6}→"),
    "indented": lambda text, rng: "script:\n" + _prefixed(text, lambda n: "      "),
    "quoted reply": lambda text, rng: _prefixed(text, lambda n: "> "),
    "code fence": lambda text, rng: f"Here it is:\n```sh\n{text}\n```\nDone.",
}
