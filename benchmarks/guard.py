"""How often the guard refuses what nobody planted: the statements that rules read in real sessions, which are people's
and agents' own sentences, judged as a model's would be.

    python -m benchmarks.guard --source FOLDER

A refused statement is a false alarm unless somebody planted it. It is no measure of what is let through; that is
tests/compiler/models/test_injections.py.
"""

import argparse
import os
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter


def main() -> None:
    """Print the rate, by reason, and the guard's time a chunk."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--source", type=Path, required=True, help="transcripts of an agent, in folders by author"
    )
    source = parser.parse_args().source
    with tempfile.TemporaryDirectory(prefix="rlm-context-guard-") as home:
        os.environ["RLM_CONTEXT_HOME"] = home
        _measure(source)


def _measure(source: Path) -> None:
    from compiler.chunk import chunk_session
    from compiler.ingest import ingest
    from compiler.models.guard import fault
    from compiler.models.pieces import Piece
    from compiler.runtime import open_runtime
    from compiler.sessions import load_events
    from compiler.uploading.upload import upload
    from compiler.work import Ingested
    from store.receipts import receipt_keys

    runtime = open_runtime()
    upload(runtime, [source], project="guard")
    refused: Counter[str] = Counter()
    chunks, judged, seconds = 0, 0, 0.0
    for session in ingest(runtime, list(receipt_keys(runtime.store, "guard")), rebuild=False):
        if not isinstance(session, Ingested):
            continue
        events = load_events(runtime.store, session.parquet)
        for chunk in chunk_session(session.session_id, events, runtime.settings.chunk_tokens):
            piece = Piece(chunk)
            statements = piece.extract.statements
            begun = perf_counter()
            for one in statements:
                evidence = piece.record.evidence(cited.seq for cited in one.citations)
                refused[fault(one.text, evidence, told=one.by != "tool")] += 1
            seconds += perf_counter() - begun
            chunks, judged = chunks + 1, judged + len(statements)
    alarms = judged - refused.pop("", 0)
    print(
        f"{judged:,} statements of {chunks:,} chunks: {alarms} refused ({alarms / max(judged, 1):.2%}) {dict(refused)}"
    )
    print(f"{1_000 * seconds / max(chunks, 1):.1f} ms a chunk")


if __name__ == "__main__":
    main()
