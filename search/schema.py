"""The tantivy schema shared by building and querying, and the analysis that connects them.

`body` (messages, and the words inside their camelCase names), `names` (paths and compound names, whole) and
`wide` (windows) are searched and not stored; `text` is stored and not searched. Numbers that ranking needs of
every candidate are fast fields, because reading a stored document decompresses a block of 16 KB.
"""

import tantivy

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from search.document import DocumentKind, Voice

SCHEMA = 4
"""Version of the fields and of the analysis; part of the segment format."""

BLOCK = 6
"""Messages that can be asked for together; windows begin where a block does."""
KINDS: "tuple[DocumentKind, ...]" = ("message", "window", "summary")
VOICES: "tuple[Voice, ...]" = ("human", "assistant", "tool", "harness")

_LONGEST_WORD = 100
"""Bytes. tantivy's own `en_stem` drops words of 40 and more: full commit hashes and long test names."""

ANALYZER = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
    .filter(tantivy.Filter.remove_long(_LONGEST_WORD))
    .filter(tantivy.Filter.lowercase())
    .filter(tantivy.Filter.stemmer("english"))
    .build()
)
_NAMES = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def make_schema() -> tantivy.Schema:
    """The schema of every segment; equal schemas let segments of many builds stand in one index."""
    builder = tantivy.SchemaBuilder()
    for name in ("body", "wide"):
        builder.add_text_field(name, tokenizer_name="words", index_option="freq")
    builder.add_text_field("names", tokenizer_name="names", index_option="basic")
    for name in ("session_id", "from_seq", "to_seq", "key", "files", "text"):
        builder.add_bytes_field(name, stored=True)
    for name in ("author", "project", "agent"):
        builder.add_text_field(name, stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("file", "owner"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    for name in ("time", "kind"):
        builder.add_integer_field(name, indexed=True, fast=True)
    builder.add_integer_field("block", indexed=True)
    for name in ("session", "position", "voice", "span", "words"):
        builder.add_integer_field(name, fast=True)
    return builder.build()


def open_index(schema: tantivy.Schema, path: str) -> tantivy.Index:
    """An index in the folder `path` that documents can be added to."""
    index = tantivy.Index(schema, path=path)
    index.register_tokenizer("words", ANALYZER)
    index.register_tokenizer("names", _NAMES)
    return index


def stored_text(document: tantivy.Document, name: str) -> str:
    """A stored field of a found document."""
    value = document.get_first(name)
    return value if isinstance(value, str) else bytes(value or b"").decode("utf-8", "replace")


def owner_of(author: str, session_id: str) -> str:
    """The key of one author's session: what an upload of that session replaces."""
    return f"{author}\0{session_id}"


def block_of(session: int, position: int) -> int:
    """The signed 64-bit number of the run of `BLOCK` messages that `position` of `session` stands in."""
    # Any large odd factor keeps the blocks of different sessions apart.
    mixed = (session + (position // BLOCK + 1) * 0x9E3779B97F4A7C15) % 2**64
    return mixed - 2**64 if mixed >= 2**63 else mixed


def clean(text: str) -> str:
    """`text` as UTF-8 can hold it: lone surrogates, which broken JSON escapes produce, become "?"."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")
    return text
