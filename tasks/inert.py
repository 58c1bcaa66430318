"""Texts of transcripts and models in artifacts: a browser that shows them fetches nothing and runs nothing."""


def inert(markdown: str) -> str:
    """The text without images and HTML: it quotes transcripts, and a browser would fetch what those name."""
    return markdown.replace("![", "!\\[").replace("<", "&lt;")


def one_line(text: str, limit: int) -> str:
    """The beginning of a text as plain words of one line."""
    words = " ".join(text[: limit * 4].split())
    return inert(f"{words[:limit]}…" if len(words) > limit else words).replace("|", "\\|").replace("`", "'")
