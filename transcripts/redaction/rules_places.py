"""Secrets known by their place: URLs, HTTP headers, command lines."""

import re

from transcripts.redaction import values
from transcripts.redaction.spans import NAMED, Rule, Span

_USERINFO = re.compile(
    r"(?P<user>[^\s/:@?#\"'`<>\\|]{0,200})(?::(?P<password>[^\s/\"'`<>\\]{1,256}))?@(?=[\w\[$%{-])"
)
_FORMAT = re.compile(r"%\w\W*|\w+[)}\]]+.*")
_BEARER = re.compile(r"(?:[ \t]+|%20)(?P<value>[A-Za-z0-9._~+/=|:-]{16,4096})")
_BASIC = re.compile(r"[ \t]+(?P<value>[A-Za-z0-9+/]{8,4096}={0,2})")
_AUTHORIZATION = re.compile(
    r"""(?:\\*["'`])?\]?[ \t]{0,4}(?:=>|[:=,])[ \t]{0,4}(?:f?\\*["'`])?(?:[A-Za-z][\w-]{1,20}[ \t]+)?"""
    r"""(?:token=\\*["']?)?(?P<value>[A-Za-z0-9._~+/=|:-]{16,4096})"""
)
_COOKIE = re.compile(
    r"""(?:\\*["'`])?[ \t]{0,4}(?::|=(?=\\*["']))[ \t]{0,4}(?:\\*["'`])?"""
    r"""(?P<value>[\w.-]{1,80}=(?:[^\s\\"'`<>]|[ \t](?=[\w.-]{1,80}=))*)"""
)
_COOKIE_FLAG = re.compile(r"""[ =]["']?(?P<value>[\w.-]{1,80}=[^\s\\"'`<>]{16,4096})""")
_COOKIE_PAIR = re.compile(r"[\w.-]{1,80}=\\*[\"']?([^;\s\"'\\]+)")
_USER_FLAG = re.compile(r"""(?:[ =]|[ =]?(?=["']))\\*["']?[^\s:"'\\]{0,100}:(?P<value>[^\s"'\\]{4,256})""")
_PASSWORD_FLAG = re.compile(r"""[ ]?\\*["']?(?P<value>[^\s"'\\]{6,256})""")
_SQL_PASSWORD = re.compile(r"""[ ]{1,4}(?:PASSWORD[ ])?\\*["'](?P<value>[^\s"'\\]{6,256})""")
_CLIENTS = ("curl", "wget", "http ", "https ", "httpie")
_LOGINS = ("mysql", "mariadb", "sshpass", "docker login", "podman login", "helm registry login", "redis-cli")


def find_userinfo(text: str, start: int, end: int) -> Span | None:
    """The password of `scheme://user:password@host`, or a token in the user's place."""
    match = _USERINFO.match(text, end)
    if match is None:
        return None
    user, password = match["user"], match["password"]
    if password is None:
        if len(user) >= 20 and user.isalnum() and values.is_token(user):
            return Span(*match.span("user"), "url-token", NAMED)
        return None
    secret_user = len(user) == 32 and user.isalnum() and values.is_token(user)
    if not _is_url_password(user, password):
        return Span(*match.span("user"), "url-token", NAMED) if secret_user else None
    return Span(
        match.start("user" if secret_user else "password"), match.end("password"), "url-password", NAMED
    )


def _is_url_password(user: str, password: str) -> bool:
    """Whether a URL's password is neither the user's name again, nor a variable, nor a word for one."""
    if len(password) < 3 or password in (user, "x-oauth-basic"):
        return False
    if values.is_placeholder(password) or values.is_dummy(password) or _FORMAT.fullmatch(password):
        return False
    return len(password) >= 16 or not password.isalpha() or values.is_random(password)


def find_bearer(text: str, start: int, end: int) -> Span | None:
    """The token after `Bearer`."""
    match = _BEARER.match(text, end)
    return _token(match)


def find_basic(text: str, start: int, end: int) -> Span | None:
    """The base64 form of `user:password` after `Basic`."""
    match = _BASIC.match(text, end)
    if match is None or not values.is_credentials(match["value"]):
        return None
    return Span(*match.span("value"), "basic-auth", NAMED)


def find_authorization(text: str, start: int, end: int) -> Span | None:
    """The value of an Authorization header, whatever its scheme."""
    match = _AUTHORIZATION.match(text, end)
    return _token(match)


def find_cookie(text: str, start: int, end: int) -> Span | None:
    """The pairs of a Cookie header, or the first pair of Set-Cookie, if one value may be a token."""
    match = _COOKIE.match(text, end)
    if match is None:
        return None
    first, last = match.span("value")
    if text[max(0, start - 4) : start].lower() == "set-":
        last = first + len(match["value"].partition(";")[0])
    return _pairs(text, first, last)


def find_cookie_flag(text: str, start: int, end: int) -> Span | None:
    """The pairs after `curl -b` or `--cookie`."""
    match = _COOKIE_FLAG.match(text, end)
    if match is None or not _near(text, start, _CLIENTS):
        return None
    return _pairs(text, *match.span("value"))


def find_user_flag(text: str, start: int, end: int) -> Span | None:
    """The password of `curl -u user:password`."""
    match = _USER_FLAG.match(text, end)
    if match is None or not _near(text, start, _CLIENTS):
        return None
    value = match["value"]
    if value.isdigit() or values.is_placeholder(value) or value.startswith("//"):
        return None
    return Span(*match.span("value"), "password", NAMED)


def find_password_flag(text: str, start: int, end: int) -> Span | None:
    """The password of `mysql -p…`, `sshpass -p …` or `docker login -p …`."""
    match = _PASSWORD_FLAG.match(text, end)
    if match is None or not _near(text, start, _LOGINS) or not values.is_password(match["value"]):
        return None
    return Span(*match.span("value"), "password", NAMED)


def find_sql_password(text: str, start: int, end: int) -> Span | None:
    """The password of `CREATE USER … IDENTIFIED BY '…'`."""
    match = _SQL_PASSWORD.match(text, end)
    if match is None or not values.is_password(match["value"]):
        return None
    return Span(*match.span("value"), "password", NAMED)


def _token(match: re.Match[str] | None) -> Span | None:
    if match is None:
        return None
    value = match["value"].rstrip(".:")
    if not values.is_random(value[:100]) or values.is_placeholder(value[:100]):
        return None
    return Span(match.start("value"), match.start("value") + len(value), "authorization", NAMED)


def _pairs(text: str, first: int, last: int) -> Span | None:
    secret = any(
        len(value) >= 12 and values.is_random(value) and not values.is_placeholder(value)
        for value in _COOKIE_PAIR.findall(text, first, last)
    )
    return Span(first, last, "cookie", NAMED) if secret else None


def _near(text: str, start: int, words: tuple[str, ...]) -> bool:
    """Whether one of `words` stands in the 300 characters up to the space at `start`."""
    before = text[max(0, start - 300) : start + 1]
    return any(word in before for word in words)


RULES = (
    Rule(("://", ":\\/\\/"), find_userinfo),
    Rule(("earer", "EARER"), find_bearer),
    Rule(("Basic", "basic", "BASIC"), find_basic),
    Rule(("uthorization", "UTHORIZATION"), find_authorization),
    Rule(("ookie", "OOKIE"), find_cookie),
    Rule((" --cookie", " -b"), find_cookie_flag),
    Rule((" -u", " --user", " --proxy-user", " -U", " --auth", " -a"), find_user_flag),
    Rule((" -p", " -a"), find_password_flag),
    Rule(("IDENTIFIED BY", "identified by"), find_sql_password),
)
