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


def run(arguments: list[str]) -> int | None:
    """Search; the exit code, or None if the click command has to take over."""
    parsed = _parse(arguments)
    if parsed is None:
        return None
    query, options, as_json = parsed
    try:
        indexes = local_indexes(home() / "cache" / "projects")
        if not indexes or not _all_fresh(indexes):
            return None
        return answer(query, options, as_json, indexes)
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
    from rlm_context.names import match_project, match_time
    from search.query import Filters, search

    known = {index.project: index for index in indexes}
    wanted = options.get("--project") or _here(known)
    chosen = [known[match_project(wanted, sorted(known))]] if wanted else indexes
    filters = Filters(
        author=options.get("--author"),
        agent=options.get("--agent"),
        since_ms=match_time(options["--since"]) if "--since" in options else None,
        until_ms=match_time(options["--until"]) if "--until" in options else None,
        file_glob=options.get("--file"),
    )
    limit = int(options.get("--limit", DEFAULT_LIMIT))
    hits = search([index.index for index in chosen], query, filters, limit)
    if as_json:
        print(json.dumps({"hits": [_hit(hit) for hit in hits]}, ensure_ascii=False, indent=2))
    else:
        _print(hits, chosen)
    return 0


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
    if not words or not options.get("--limit", "1").isdigit() or "" in options.values():
        return None
    return " ".join(words), options, as_json


def _here(known: dict[str, LocalIndex]) -> str:
    """The current folder's project, if it is known here."""
    if len(known) < 2:
        return ""
    from data_models.project import project_of

    name, _ = project_of(str(Path.cwd()))
    return name if name in known else ""


def _all_fresh(found: list[LocalIndex]) -> bool:
    """Whether a local store holds no generation newer than these copies. Hooks refresh those of other stores."""
    generations = Path(store_url()) / "gen"
    known = {index.segment: index.newest for index in found}
    try:
        return all(_newest_name(folder) in ("", known.get(folder.name)) for folder in generations.iterdir())
    except OSError:
        return True


def _newest_name(folder: Path) -> str:
    """The manifest that is read first, as `compiler.local_copy` notes it; "" where there is none."""
    stems = [path.stem.split("-") for path in folder.iterdir() if path.suffix == ".json"]
    names = [(-int(stem[0]), stem[1]) for stem in stems if len(stem) == 2 and stem[0].isdigit()]
    return repr(min(names)) if names else ""


def _hit(hit: "Hit") -> dict[str, object]:
    return {
        "session_id": hit.session_id,
        "from": _seq(hit.from_seq),
        "to": _seq(hit.to_seq),
        "author": hit.author,
        "project": hit.project,
        "agent": hit.agent,
        "time": _iso(hit.time),
        "score": round(hit.score, 4),
        "snippet": hit.snippet,
    }


def _seq(ref: str) -> int | str:
    return int(ref) if ref.isdigit() else ref


def _iso(milliseconds: int) -> str | None:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat() if milliseconds else None


def _print(hits: "list[Hit]", chosen: list[LocalIndex]) -> None:
    from search.render import render

    if not hits:
        print(
            "Nothing found. Fewer or other words may help; `rlm-context sessions` lists what there is.",
            file=sys.stderr,
        )
        return
    print(
        render(hits, {session: digits for index in chosen for session, digits in index.long_digits().items()})
    )
