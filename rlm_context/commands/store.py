"""`rlm-context store verify|gc|copy|upgrade`: looking after a store."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from compiler.maintenance import garbage
from compiler.maintenance.copy import Copied, copy_store
from compiler.maintenance.nightly import done_by_hand
from compiler.maintenance.verify import Fault, Verified, verify_store
from compiler.runtime import open_runtime
from data_models.errors import SettingsError
from data_models.records import FORMAT_VERSION
from rlm_context.output import plural, print_json
from store.registry import canonical_url, open_store

_SHOWN = 20
_json = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


@click.group("store")
def store_command() -> None:
    """Look after the store: read it back, clean it up, copy it elsewhere.

    \b
    rlm-context store verify                          is everything what it should be?
    rlm-context store gc                              remove what nothing needs any more
    rlm-context store copy ~/.rlm-context/store s3://team/context     move to a team, or back up
    """


@store_command.command("verify")
@_json
def verify_command(as_json: bool) -> int:
    """Read every object back and compare it with its name.

    Names what is damaged or missing, and what brings it back. Exits with 1 where there is something.
    """
    runtime = open_runtime(make_store=False)
    with _counting("verify") as say:
        found = verify_store(runtime, lambda done, size: say(f"{done:,} objects, {_megabytes(size)}"))
    done_by_hand(runtime, "verify", len(found.faults))
    print_json(found) if as_json else click.echo(_verified(found))
    return 1 if found.faults else 0


@store_command.command("gc")
@click.option("--keep", type=click.IntRange(1), default=garbage.KEEP, show_default=True,
              help="Newest generations of each project to keep.")  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@_json
def gc_command(keep: int, dry_run: bool, as_json: bool) -> None:
    """Remove what no kept generation and no upload needs.

    Uploads and models' answers always stay. Garbage is removed a day after it was first found, so run this again:
    somebody may be writing what nothing names yet.
    """
    runtime = open_runtime(make_store=False)
    with _counting("gc") as say:
        done = garbage.collect(runtime, keep=keep, dry_run=dry_run, progress=say)
    if not dry_run:
        done_by_hand(runtime, "collect garbage")
    print_json(done) if as_json else click.echo(_collected(done, dry_run))


@store_command.command("copy")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@_json
def copy_command(source: str, target: str, as_json: bool) -> int:
    """Copy a store into another, of any kind: solo to team and back, backup and restore.

    What TO has already is left alone, so the same command goes on after an interruption. Every object is checked
    when it is read and read back after it was written. Exits with 1 where something of FROM is damaged.
    """
    if canonical_url(source) == canonical_url(target):
        raise SettingsError("FROM and TO are the same store")
    with _counting("copy") as say:
        done = copy_store(
            open_store(source, make=False),
            open_store(target),
            lambda copied: say(f"{copied.copied:,} objects, {_megabytes(copied.bytes)}"),
        )
    print_json(done) if as_json else click.echo(_copied(done, target))
    return 1 if done.faults else 0


@store_command.command("upgrade")
@_json
def upgrade_command(as_json: bool) -> None:
    """Bring the store to the newest format, which older versions of rlm-context may not read."""
    runtime = open_runtime(make_store=False)
    if as_json:
        print_json({"store": runtime.store.url, "format": FORMAT_VERSION, "changed": 0})
    else:
        click.echo(
            f"{runtime.store.url} has format {FORMAT_VERSION}, the newest there is. Nothing was changed."
        )


@contextmanager
def _counting(title: str) -> Iterator[Callable[[str], None]]:
    """One changing line on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console
    from rich.markup import escape

    with Console(stderr=True).status(title) as status:
        yield lambda text: status.update(escape(f"{title}: {text}"))


def _verified(found: Verified) -> str:
    told = f"{plural(found.objects, 'object')} read, {_megabytes(found.bytes)}: "
    if not found.faults:
        return told + "all are what they should be."
    return "\n".join([told + f"{plural(len(found.faults), 'fault')}.", *_faults(found.faults)])


def _collected(done: garbage.Collected, dry_run: bool) -> str:
    verb = "would be removed" if dry_run else "removed"
    later = (
        f" {plural(done.noted, 'object')} that nothing needs will go a day after it was found."
        if done.noted
        else ""
    )
    return (
        f"{plural(done.removed, 'object')} {verb}, {_megabytes(done.bytes)}; "
        f"{plural(done.kept_generations, 'generation')} kept.{later}"
    )


def _copied(done: Copied, target: str) -> str:
    told = (
        f"{plural(done.copied, 'object')} copied to {target}, {_megabytes(done.bytes)}; "
        f"{done.present:,} were there already."
    )
    return "\n".join([told, *_faults(done.faults)])


def _faults(faults: list[Fault]) -> list[str]:
    lines = [f"- {fault.key}: {fault.reason}. Next: {fault.remedy}" for fault in faults[:_SHOWN]]
    more = len(faults) - len(lines)
    return [*lines, f"- and {more:,} more (--json lists them)"] if more else lines


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
