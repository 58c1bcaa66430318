"""`rlm-context search` without click, pydantic or Arrow: a cold process must answer in a blink.

It reads the local copies (`compiler.local_copy` says their layout). Whatever is out of the ordinary, such as
--help, a wrong option, or a copy that is older than a local store, is left to the click command.
"""

import json
import sys
from pathlib import Path

from data_models.env import home, store_url
from data_models.errors import RlmContextError

TYPE_CHECKING = False  # typing's own costs an import
if TYPE_CHECKING:
    from search.query import Hit

_OPTIONS = ("--project", "--author", "--agent", "--since", "--until", "--file", "--limit")
DEFAULT_LIMIT = 18
"""Hits that print about 600 words; fewer leave out evidence that an answer needs."""
MOST_HITS = 1000


class LocalIndex:
    """One project's current local copy, as far as a search needs it."""

    def __init__(self, folder: Path) -> None:
        current = json.loads((folder / "current").read_bytes())
        self.project = str(current["project"])
        self.newest = str(current["newest"])
        self.segment = folder.name
        self.folder = folder / str(current["generation"])
        self.index = self.folder / "index"

    def long_digits(self) -> dict[str, str]:
        """Sessions whose citations need more than eight digits."""
        found: dict[str, str] = json.loads((self.folder / "long_digits.json").read_bytes())
        return found


def search_fast(arguments: list[str]) -> int | None:
    """Search; the exit code, or None if the click command has to take over."""
    parsed = _parse(arguments)
    if parsed is None:
        return None
    query, options, as_json = parsed
    try:
        indexes = fresh(local_indexes(home() / "cache" / "projects"))
        return answer(query, options, as_json, indexes) if indexes else None
    except RlmContextError:
        return None  # the click command meets the same error and explains it


def local_indexes(folder: Path) -> list[LocalIndex]:
    """Every project's copy that can be searched."""
    found = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        try:
            found.append(LocalIndex(path))
        except (OSError, ValueError, KeyError, TypeError):
            continue  # half-made or damaged: the next refresh makes it anew
    return found


def answer(query: str, options: dict[str, str], as_json: bool, indexes: list[LocalIndex]) -> int:
    """Search these indexes and print what is found; the exit code.

    Raises:
        RlmContextError: a filter makes no sense.
    """
    hits, chosen = find(query, options, indexes)
    if as_json:
        document = json.dumps({"hits": [_hit(hit) for hit in hits]}, ensure_ascii=False, indent=2)
        sys.stdout.flush()
        sys.stdout.buffer.write(document.encode() + b"\n")
    else:
        _print(hits, chosen)
    return 0


def find(
    query: str, options: dict[str, str], indexes: list[LocalIndex]
) -> "tuple[list[Hit], list[LocalIndex]]":
    """What answers a query, best first, and which of these indexes were searched.

    Args:
        query: any text.
        options: the command's options by name, as typed.
        indexes: every project's.

    Raises:
        RlmContextError: a filter makes no sense.
    """
    from rlm_context.names import match_time
    from search.filters import Filters
    from search.query import search

    chosen = choose(options.get("--project"), indexes)
    filters = Filters(
        author=options.get("--author"),
        agent=options.get("--agent"),
        since_ms=match_time(options["--since"]) if "--since" in options else None,
        until_ms=match_time(options["--until"]) if "--until" in options else None,
        file_glob=options.get("--file"),
    )
    limit = int(options.get("--limit", DEFAULT_LIMIT))
    return search([index.index for index in chosen], query, filters, limit), chosen


def choose(project: str | None, indexes: list[LocalIndex]) -> list[LocalIndex]:
    """The index of a project, else that of the current folder's if it is known here, else all.

    Raises:
        NotFoundError: none, or several, are called so.
    """
    from rlm_context.names import match_project

    known = {index.project: index for index in indexes}
    wanted = project or _here(known)
    return [known[match_project(wanted, sorted(known))]] if wanted else indexes


def _parse(arguments: list[str]) -> tuple[str, dict[str, str], bool] | None:
    words: list[str] = []
    options: dict[str, str] = {}
    as_json = False
    rest = iter(arguments)
    for argument in rest:
        name, _, value = argument.partition("=")
        if argument == "--json":
            as_json = True
        elif name in _OPTIONS:
            options[name] = value if "=" in argument else next(rest, "")
        elif argument == "--":
            words += rest
        elif argument.startswith("-"):
            return None
        else:
            words.append(argument)
    if not words or "" in options.values() or not _is_limit(options.get("--limit", "1")):
        return None
    return " ".join(words), options, as_json


def _is_limit(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_HITS


def _here(known: dict[str, LocalIndex]) -> str:
    """The current folder's project, if it is known here."""
    if len(known) < 2:
        return ""
    from rlm_context.hooks.here import project_here

    name = project_here(str(Path.cwd()))
    return name if name in known else ""


def fresh(found: list[LocalIndex]) -> list[LocalIndex]:
    """The copies of this store's projects; none where the store holds a newer generation of one.

    Only a store in a folder is looked at. Hooks refresh the copies of others.
    """
    url = store_url()
    if "://" in url:
        return found
    generations = Path(url).expanduser() / "gen"
    try:
        newest = {folder.name: newest_name(folder) for folder in generations.iterdir()}
    except FileNotFoundError:
        return []
    except OSError:
        return found  # a shared folder that is out of reach
    known = {index.segment: index.newest for index in found}
    if any(name not in ("", known.get(segment)) for segment, name in newest.items()):
        return []
    return [index for index in found if index.segment in newest]


def newest_name(folder: Path) -> str:
    """The manifest that is read first, as `compiler.local_copy` notes it; "" where there is none."""
    stems = [path.stem.split("-") for path in folder.iterdir() if path.suffix == ".json"]
    names = [(-int(stem[0]), stem[1]) for stem in stems if len(stem) == 2 and stem[0].isdigit()]
    return repr(min(names)) if names else ""


def _hit(hit: "Hit") -> dict[str, object]:
    from rlm_context.shown import iso, seq_value

    return {
        "session_id": hit.session_id,
        "from": seq_value(hit.from_seq),
        "to": seq_value(hit.to_seq),
        "author": hit.author,
        "project": hit.project,
        "agent": hit.agent,
        "time": iso(hit.time),
        "score": round(hit.score, 4),
        "snippet": hit.snippet,
    }


def _print(hits: "list[Hit]", chosen: list[LocalIndex]) -> None:
    from rlm_context.shown import harmless
    from search.render import render

    if not hits:
        print(
            "Nothing found. Fewer or other words may help; `rlm-context sessions` lists what there is.",
            file=sys.stderr,
        )
        return
    digits = {session: shown for index in chosen for session, shown in index.long_digits().items()}
    print(harmless(render(hits, digits)))
