"""Text that can be sent."""


def sendable(text: str) -> str:
    """`text` without what UTF-8 cannot express: a transcript's lone surrogates become question marks."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
